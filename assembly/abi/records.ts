// The plan's binary form, shared by both compilers: opcodes and, for every op, the byte offsets of its record's
// 32-bit fields. "cell" marks a field that holds the address of an i32 read at run time (row counts change from run to
// run, addresses do not); everything else is a value. Strides are in elements of 4 bytes unless a comment says bytes.

// ---- every record ----
export const R_OP = 0;
/** Size of this record in bytes: the next one follows. */
export const R_SIZE = 4;
/** Nonzero: all threads must have finished the records before this one. */
export const R_BARRIER = 8;

export const OP_MATMUL = 1;
export const OP_PACK = 2;
export const OP_ATTENTION = 3;
export const OP_SOFTMAX = 4;
export const OP_LAYER_NORM = 5;
export const OP_RMS_NORM = 6;
export const OP_UNARY = 7;
export const OP_BINARY = 8;
export const OP_GATHER = 9;
export const OP_COPY = 10;
export const OP_REDUCE = 11;
export const OP_POOL = 12;
export const OP_L2_NORMALIZE = 13;
export const OP_CONVERT = 14;
export const OP_STORE_KV = 15;
export const OP_ROTARY = 16;

// ---- activations: the kinds of OP_UNARY and of the matmul epilogue ----
export const ACT_NONE = 0;
export const ACT_RELU = 1;
export const ACT_GELU = 2;
export const ACT_GELU_TANH = 3;
export const ACT_SILU = 4;
export const ACT_TANH = 5;
export const ACT_SIGMOID = 6;
export const ACT_EXP = 7;
export const ACT_NEG = 8;
export const ACT_SQRT = 9;
export const ACT_ABS = 10;
export const ACT_QUICK_GELU = 11;

// ---- types of weights in a file, and as they are held (kernels/halves.ts) ----
export const TYPE_F32 = 0;
export const TYPE_F16 = 1;
export const TYPE_BF16 = 2;

// ---- OP_MATMUL: C[b] = act(A[b] [M, K] x B[b] + bias) + residual[b]; B is packed (kernels/pack.ts) ----
export const MM_A = 16;
export const MM_A_STRIDE = 20; // row stride
export const MM_A_BATCH = 24; // batch stride
export const MM_B = 28;
export const MM_B_BATCH = 32;
export const MM_C = 36;
export const MM_C_STRIDE = 40;
export const MM_C_BATCH = 44;
export const MM_M = 48; // cell
export const MM_N = 52;
export const MM_K = 56;
export const MM_BATCH = 60;
export const MM_BIAS = 64; // address of N padded to 8 f32, or 0
export const MM_ACT = 68;
export const MM_RESIDUAL = 72; // address or 0
export const MM_R_STRIDE = 76;
export const MM_R_BATCH = 80;
export const MM_TYPE = 84; // TYPE_*: how B is held
export const MM_SIZE = 88;

// ---- OP_PACK: source element (n, k) at src + n * SN + k * SK bytes goes to column N0 + n, row K0 + k ----
export const PK_SRC = 16;
export const PK_TYPE = 20;
export const PK_SN = 24; // bytes
export const PK_SK = 28; // bytes
export const PK_N = 32; // columns in this piece
export const PK_K = 36; // rows in this piece
export const PK_DST = 40;
export const PK_N0 = 44;
export const PK_K0 = 48;
export const PK_N_TOTAL = 52;
export const PK_K_TOTAL = 56;
export const PK_BATCH = 60;
export const PK_SRC_BATCH = 64; // bytes
export const PK_DST_BATCH = 68; // bytes
export const PK_TO = 72; // TYPE_*: how the destination is held
export const PK_UNHELD = 76; // becomes nonzero if a value is beyond what f16 holds (kernels/halves.ts)
export const PK_SIZE = 80;

// ---- segment table: one row of 8 i32 a sequence ----
export const SEG_QUERY = 0; // first row of its queries
export const SEG_QUERIES = 4; // how many
export const SEG_KEYS = 8; // keys in all: those stored before and, where they are the same tokens, those of the queries
export const SEG_PAGES = 12; // address of its page table: a u32 a page, added to the record's base
export const SEG_PAGE = 16; // tokens a page of this sequence: a multiple of 8, and not 0
export const SEG_MAP = 20; // where its attention maps start, in elements (maps are [head][query][key])
export const SEG_MASK = 24; // where its mask starts, in elements
export const SEG_BYTES = 32;

// ---- OP_STORE_KV: the queries' rows of k and v to their pages (kernels/store-kv.ts) ----
export const SK_K = 16;
export const SK_K_STRIDE = 20;
export const SK_V = 24;
export const SK_V_STRIDE = 28;
export const SK_BASE = 32; // added to the entries of the page tables
export const SK_SEGMENTS = 36;
export const SK_SEQUENCES = 40; // cell
export const SK_KV_HEADS = 44;
export const SK_SIZE_K = 48;
export const SK_SIZE_V = 52;
export const SK_SIZE = 56;

// ---- OP_ATTENTION: out = softmax(scale * q k^T + biases) v, per sequence and head; k and v lie in pages ----
export const AT_Q = 16;
export const AT_Q_STRIDE = 20;
export const AT_BASE = 24; // added to the entries of the page tables
export const AT_OUT = 28;
export const AT_OUT_STRIDE = 32;
export const AT_SEGMENTS = 36; // address of the segment table
export const AT_SEQUENCES = 40; // cell
export const AT_HEADS = 44;
export const AT_KV_HEADS = 48;
export const AT_SIZE_K = 52; // head size of q and k
export const AT_SIZE_V = 56; // head size of v
export const AT_SCALE = 60; // f32
export const AT_CAUSAL = 64; // 1: query i of n sees the first keys - n + i + 1 keys
export const AT_WINDOW = 68; // if not 0: of these only the last so many
export const AT_MASK = 72; // additive f32 mask [head][query][key] a sequence, or 0
export const AT_MASK_HEAD = 76; // stride between heads, 0 to share
export const AT_MASK_QUERY = 80; // stride between queries, 0 to share
export const AT_SLOPES = 84; // address of f32 [heads], or 0: slope * index of the key is added
export const AT_RELATIVE = 88; // address of f32 [heads][2 * distance + 1], or 0: added by key - query, clamped
export const AT_DISTANCE = 92;
export const AT_MAP = 96; // address of the attention maps, or 0
export const AT_SIZE = 100;

// ---- OP_ROTARY: pairs of a head's columns turned by the angles of the row's position ----
export const RO_X = 16;
export const RO_X_STRIDE = 20;
export const RO_TABLE = 24; // f32 [rows, DIM]: DIM / 2 cosines, then DIM / 2 sines
export const RO_OUT = 28; // contiguous
export const RO_ROWS = 32; // cell
export const RO_HEADS = 36;
export const RO_SIZE_HEAD = 40; // head size
export const RO_DIM = 44; // columns of a head that are turned: even
export const RO_INTERLEAVED = 48; // 1: pairs (2 i, 2 i + 1); 0: pairs (i, i + DIM / 2)
export const RO_SIZE = 52;

// ---- OP_SOFTMAX over the middle of [outer, n, inner] ----
export const SM_X = 16;
export const SM_OUT = 20;
export const SM_OUTER = 24; // cell
export const SM_N = 28;
export const SM_INNER = 32;
export const SM_SIZE = 36;

// ---- OP_LAYER_NORM, OP_RMS_NORM over rows of d ----
export const LN_X = 16;
export const LN_OUT = 20;
export const LN_ROWS = 24; // cell
export const LN_D = 28;
export const LN_WEIGHT = 32; // address or 0
export const LN_BIAS = 36; // address or 0
export const LN_EPS = 40; // f32
export const LN_SIZE = 44;

// ---- OP_UNARY: out = act(x) over cell * width elements ----
export const UN_X = 16;
export const UN_OUT = 20;
export const UN_ROWS = 24; // cell
export const UN_WIDTH = 28;
export const UN_KIND = 32; // ACT_*
export const UN_SIZE = 36;

// ---- OP_BINARY: out[i] = a[..] op b[..] over up to 4 dims, the last is innermost; strides 0 broadcast ----
export const BIN_ADD = 0;
export const BIN_SUB = 1;
export const BIN_MUL = 2;
export const BIN_DIV = 3;
export const BIN_MAX = 4;
export const BIN_MIN = 5;
export const BI_A = 16;
export const BI_B = 20;
export const BI_OUT = 24;
export const BI_KIND = 28;
export const BI_D0 = 32; // cell
export const BI_D1 = 36;
export const BI_D2 = 40;
export const BI_D3 = 44;
export const BI_A0 = 48;
export const BI_A1 = 52;
export const BI_A2 = 56;
export const BI_A3 = 60; // 0 or 1
export const BI_B0 = 64;
export const BI_B1 = 68;
export const BI_B2 = 72;
export const BI_B3 = 76; // 0 or 1
export const BI_SIZE = 80;

// ---- OP_GATHER: out[r] = table[ids[r]] (+ add[r]) ----
export const GA_TABLE = 16;
export const GA_IDS = 20; // i32 [rows]
export const GA_OUT = 24;
export const GA_ROWS = 28; // cell
export const GA_D = 32;
export const GA_ADD = 36; // address of f32 [rows, d], or 0; may be OUT itself
export const GA_PACKED = 40; // 0: plain rows; else the table is packed as a matmul weight of this many columns
export const GA_TYPE = 44; // TYPE_*: how the table is held
export const GA_SCALE = 48; // f32, by which rows are multiplied before ADD
export const GA_SIZE = 52;

// ---- OP_COPY: out = x viewed through strides; up to 6 dims, the last is innermost; out is contiguous but for its rows ----
export const CP_X = 16;
export const CP_OUT = 20;
export const CP_D0 = 24; // cell
export const CP_D1 = 28;
export const CP_D2 = 32;
export const CP_D3 = 36;
export const CP_D4 = 40;
export const CP_D5 = 44;
export const CP_X0 = 48;
export const CP_X1 = 52;
export const CP_X2 = 56;
export const CP_X3 = 60;
export const CP_X4 = 64;
export const CP_X5 = 68;
export const CP_OUT0 = 72;
export const CP_OUT1 = 76;
export const CP_OUT2 = 80;
export const CP_OUT3 = 84;
export const CP_OUT4 = 88;
export const CP_OUT5 = 92;
export const CP_SIZE = 96;

// ---- OP_REDUCE over the middle of [outer, n, inner] ----
export const RED_SUM = 0;
export const RED_MEAN = 1;
export const RED_MAX = 2;
export const RED_MIN = 3;
export const RE_X = 16;
export const RE_OUT = 20;
export const RE_OUTER = 24; // cell
export const RE_N = 28;
export const RE_INNER = 32;
export const RE_KIND = 36;
export const RE_SIZE = 40;

// ---- OP_POOL: rows of each sequence's queries to one row ----
export const POOL_MEAN = 0;
export const POOL_CLS = 1;
export const POOL_MAX = 2;
export const POOL_MEAN_SQRT = 3; // the sum over the square root of the length
export const POOL_LAST = 4;
export const PO_X = 16;
export const PO_OUT = 20;
export const PO_SEGMENTS = 24;
export const PO_SEQUENCES = 28; // cell
export const PO_D = 32;
export const PO_KIND = 36;
export const PO_SIZE = 40;

// ---- OP_L2_NORMALIZE: rows divided by max(norm, eps) ----
export const L2_X = 16;
export const L2_OUT = 20;
export const L2_ROWS = 24; // cell
export const L2_D = 28;
export const L2_EPS = 32; // f32
export const L2_SIZE = 36;

// ---- OP_CONVERT: between the types of weights, neighbouring elements ----
export const CV_SRC = 16;
export const CV_DST = 20;
export const CV_COUNT = 24;
export const CV_TYPE = 28;
export const CV_TO = 32; // TYPE_*: how the destination is held
export const CV_UNHELD = 36; // as PK_UNHELD
export const CV_SIZE = 40;
