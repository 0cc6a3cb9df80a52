// How the tensors of a model start that has no checkpoint: what is declared beside each parameter (parameters.ts). Drawing the
// numbers is the runtime's business (runtime/random-tensors.ts).

/** What a tensor is filled with. */
export type Init =
  /** N(0, std^2); one row may be zero, that of the padding token. */
  | { readonly kind: 'normal'; readonly std: number; readonly zeroRow?: number }
  /** U(-bound, bound) */
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'constant'; readonly value: number }
  /** Computed: the elements in order. */
  | { readonly kind: 'values'; readonly make: () => Float32Array };

export const constant = (value: number): Init => ({ kind: 'constant', value });
export const normal = (std: number): Init => ({ kind: 'normal', std });
const uniform = (bound: number): Init => ({ kind: 'uniform', bound });
export const ZEROS: Init = /* @__PURE__ */ constant(0);
export const ONES: Init = /* @__PURE__ */ constant(1);

/** torch.nn.init.xavier_uniform_ of a matrix [out, depth] (Glorot and Bengio 2010). */
export const xavier = (out: number, depth: number): Init => uniform(Math.sqrt(6 / (out + depth)));

/** What an architecture's parameters are filled with where their declarations do not say. Norms start as the identity. */
export interface Inits {
  /** The weight [out, depth] of a linear layer, and its bias [out]. */
  readonly weight: (depth: number) => Init;
  readonly bias: (depth: number) => Init;
  readonly table: Init;
}

/** transformers' PreTrainedModel._init_weights: normal weights and tables, no biases. */
export const normalInits = (std: number): Inits => ({
  weight: () => normal(std),
  bias: () => ZEROS,
  table: normal(std),
});

/** nn.Linear's and nn.Embedding's own reset_parameters: kaiming_uniform_ with a = sqrt(5), which is U(-1 / sqrt(depth), ...). */
export const TORCH_INITS: Inits = {
  weight: (depth) => uniform(1 / Math.sqrt(depth)),
  bias: (depth) => uniform(1 / Math.sqrt(depth)),
  table: /* @__PURE__ */ normal(1),
};
