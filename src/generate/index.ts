// Generation, all but the model: which token comes next, when to stop, and what text it is. Pure and synchronous.
//
// Set-up, once a call: `resolveGeneration(options, files)`, a seed where `doSample` has none (`randomSeed()`), and for
// each prompt `lengthLimits(settings, promptLength, maxPositions)`. A context is { vocabSize, promptLength, ...limits, encoderIds }.
//
// Greedy and sampling, for each prompt and each of numReturnSequences:
//   const tokens = new Tokens(prompt), chooser = new TokenChooser(settings, context, sequence);
//   each step: `chooser.isArgmax ? argmax(logits, from, to) : chooser.next(row, tokens)`; then `tokens.push(id)` and
//   `endOf(id, tokens.length, settings.eosTokenId, maxLength)`. With a user's processors: `chooser.process(row, tokens)`,
//   theirs, `chooser.choose(row)`. The row is overwritten. argmax gives -1 where choose throws.
//
// Beams (numBeams > 1), for each prompt:
//   const search = new BeamSearch({ settings, prompt, ...context });
//   run the prompt once (1 row); until search.done: `const { parents, tokens } = search.step(logits)`, [search.rows, vocabSize];
//   beam b now continues row parents[b]: fork that row's cache, feed it tokens[b]. `search.finish()` at the end or at an abort.
//
// Prompt lookup, one sequence: `guesses = lookUp(tokens, ...)`; run the last id and the guesses as one chunk; then
//   `n = verify(tokens, guesses, (row) => chooser.next(rowOf(row), tokens), isLast)`, and truncate the cache to tokens.length - 1.
//   A draft model's guesses are verified the same way. (guesses is a view of tokens.ids: still valid while verify appends.)
//
// Text, where the tokenizer is: `stream = tokenizer.decodeStream()`, `new StopMatcher(stopStrings)`: for each id
//   `piece = matcher.push(stream.push(id))`; stop when matcher.found; at the end `matcher.push(stream.flush()) + matcher.flush()`.
export { lookUp, verify, type LookupOptions } from './assisted';
export { BeamSearch, type BeamOptions, type BeamResult, type BeamStep } from './beams';
export { alternatives, argmax, sample, TokenChooser, type Alternative } from './choose';
export { lengthLimits, resolveGeneration, type ResolveContext } from './config';
export type { GenerationOptions, GenerationSettings, TokenIds } from './options';
export { createProcessor, type Processor, type ProcessorContext } from './processors';
export { Random, randomSeed } from './random';
export { endOf, StopMatcher, type FinishReason } from './stopping';
export { Tokens } from './tokens';
