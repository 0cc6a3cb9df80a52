// Turns the results of the processes of a run into rows with their goals, and prints them.
import { goalOf } from './goals.mjs';

const COLUMNS = ['figure', 'ours', 'rival', "rival's", 'ratio', 'goal', ''];

const speedOf = (flops, ms) => `${(flops / ms / 1e6).toFixed(1)} GFLOP/s`;
const timeOf = (ms) => `${ms < 10 ? ms.toFixed(3) : ms.toFixed(1)} ms`;

const rateOf = (tokens, ms) => `${((1000 * tokens) / ms).toFixed(1)} tok/s`;

/** Is a figure read as a speed (ratio: ours over the rival's) rather than as a time? */
const isSpeed = ({ name, rival }) =>
  rival === 'ours, 1 thread' || !(name.startsWith('MiniLM') || name.endsWith('beams'));

function row({ name, flops, tokens, ours, rival, theirs, threads, node, revectorize }) {
  const show = flops ? (ms) => speedOf(flops, ms) : tokens ? (ms) => rateOf(tokens, ms) : timeOf;
  const speed = isSpeed({ name, rival });
  const ratio = ours === undefined ? undefined : speed ? theirs / ours : ours / theirs;
  const goal = goalOf({ figure: name, rival, threads, node, revectorize });
  return [
    name,
    ours === undefined ? '' : show(ours),
    rival,
    show(theirs),
    ratio === undefined ? '' : ratio.toFixed(3),
    ...verdict(ratio, goal),
  ];
}

function verdict(value, goal) {
  if (!goal) return ['', ''];
  const met =
    value === undefined ? '' : (goal.kind === 'atLeast' ? value >= goal.value : value <= goal.value) ? 'met' : 'MISSED';
  return [`${goal.kind === 'atLeast' ? '>=' : '<='} ${goal.value}`, met];
}

/** The rows of one process; `others` are all processes of the run, for comparisons between them. */
function rowsOf(run, others) {
  const { node, threads, revectorize } = run;
  const find = (name, wanted) =>
    others
      .find((other) => other.node === node && other.threads === wanted.threads && !other.revectorize)
      ?.results.find((result) => result.name === name)?.ms;
  return run.results.flatMap(({ name, flops, tokens, ms: { ours, ...rivals } }) => {
    const pairs = Object.entries(rivals);
    const flagOff = revectorize && find(name, { threads })?.['LiteRT.js'];
    if (flagOff) pairs.push(['LiteRT.js, flag off', flagOff]);
    const alone = threads > 1 && !revectorize ? find(name, { threads: 1 }) : undefined;
    const rows = pairs.map(([rival, theirs]) =>
      row({ name, flops, tokens, ours, rival, theirs, threads, node, revectorize }),
    );
    if (alone?.ours)
      rows.push(row({ name, flops, tokens, ours, rival: 'ours, 1 thread', theirs: alone.ours, threads, node }));
    return rows;
  });
}

function print(title, rows) {
  const widths = COLUMNS.map((column, i) => Math.max(column.length, ...rows.map((cells) => cells[i].length)));
  const line = (cells) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd();
  console.log(`\n${title}\n${[COLUMNS, ...rows].map(line).join('\n')}`);
}

export function printRun(run, others) {
  const flag = run.revectorize ? ', revectorised' : '';
  const rates = Object.entries(run.ceilings).map(([build, byWidth]) => {
    const [width, rate] = Object.entries(byWidth).reduce((a, b) => (b[1] > a[1] ? b : a));
    return `${build} ${rate.toFixed(1)} GFLOP/s (${width} accumulators)`;
  });
  const ceilings = rates.length > 0 ? `; ceiling of one thread: ${rates.join(', ')}` : '';
  const title = `Node ${run.node}, ${run.threads} thread${run.threads > 1 ? 's' : ''}${flag}${ceilings}`;
  print(title, rowsOf(run, others));
}

export function printProcesses(node, values) {
  const rows = Object.entries(values).map(([figure, value]) => [
    ...[figure, value.toFixed(2), '', '', ''],
    ...verdict(value, goalOf({ figure, node })),
  ]);
  print(`Node ${node}, whole processes`, rows);
}
