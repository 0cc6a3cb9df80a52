// What a plan does: as a table, and by the time that each record takes.
import type { Core } from './core';
import { costsOf, execute } from './execute';
import { showDims, sizeOf, type Sizes } from './graph';
import { storageCount, type Plan } from './plan';

export interface ProfileRow {
  op: string;
  output: string;
  milliseconds: number;
}

/** A plan as a table: op, shapes, attributes, bytes, address, estimated cost at full capacity. */
export function explainPlan(plan: Plan, sizes: Sizes = plan.capacity): string {
  const costs = costsOf(plan, sizes);
  const rows = plan.steps.map(({ node, barrier }, i) => {
    const [out] = node.outputs;
    return [
      String(i),
      barrier ? '|' : ' ',
      node.op.name,
      node.inputs.flatMap((input) => (input ? [showDims(input.dims)] : [])).join(' '),
      showDims(out.dims),
      String(sizeOf(storageCount(out), sizes) * 4),
      `0x${plan.address(out).toString(16)}`,
      (costs[i] / 1000).toFixed(1),
    ];
  });
  const table = [['#', ' ', 'op', 'inputs', 'output', 'bytes', 'address', 'est. us'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Runs a plan record by record and takes the time of each. */
export async function profilePlan(plan: Plan, core: Core, sizes: Sizes): Promise<ProfileRow[]> {
  const rows: ProfileRow[] = [];
  await execute(plan, core, sizes, {
    onStep: (node, milliseconds) =>
      rows.push({
        op: node.op.name,
        output: node.outputs[0].dims.map((d) => (typeof d === 'number' ? d : sizes[d.symbol])).join('x'),
        milliseconds,
      }),
  });
  return rows;
}
