// What an engine holds for every loaded model: a runner, whose methods take a request as data and give a result as data,
// so that both can cross to a worker.

import type { HeldTensors, RowsRequest, SavedTensor } from './held-tensors';
import type { HeldWeights } from './held-weights';

/** The three kinds of model, one for each public class. */
export type ModelKind = 'encoder' | 'decoder' | 'transformer';

/** What a method may use while it runs. */
export interface CallContext {
  /** Whether the caller has given up: asked between slices. */
  isCancelled(): boolean;
  /** Tells the caller something, or asks it: resolves to what its handler gives back. */
  report(event: unknown): unknown;
  /** Another model of the same engine. Throws DISPOSED. */
  runner(id: number): Runner;
}

/** A model in an engine. Its other methods are called by name: `(request, context) => Promise<result>`. */
export interface Runner {
  /** What the caller must know of the model; plain data. */
  readonly facts: object;
  dispose(): void;
}

/** What all runners do with their weights. */
export abstract class ModelRunner implements Runner {
  abstract readonly facts: object;
  private held: Promise<HeldTensors> | null = null;

  constructor(protected readonly weights: HeldWeights) {}

  /** The checkpoint's tensors, as they would be written. */
  async savedTensors(): Promise<SavedTensor[]> {
    return (await this.tensors()).list();
  }

  /** Rows of one of them. */
  async tensorRows(request: RowsRequest): Promise<Uint8Array> {
    return (await this.tensors()).read(request);
  }

  dispose(): void {
    this.weights.free();
  }

  private tensors(): Promise<HeldTensors> {
    this.held ??= import('./held-tensors').then(({ HeldTensors: Tensors }) => new Tensors(this.weights));
    return this.held;
  }
}

/** The methods that can be called by name. */
export type MethodOf<R> = {
  [K in keyof R]: R[K] extends (request: never, context: CallContext) => Promise<unknown> ? K : never;
}[keyof R] &
  string;

export type RequestOf<R, K extends MethodOf<R>> = R[K] extends (request: infer Q, context: CallContext) => unknown
  ? Q
  : never;

export type ResultOf<R, K extends MethodOf<R>> = R[K] extends (request: never, context: CallContext) => Promise<infer A>
  ? A
  : never;

/** Receives what a method reports. A returned promise is awaited. */
export type OnEvent = (event: unknown) => unknown;
