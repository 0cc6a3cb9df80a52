// Reads the pickle inside a PyTorch checkpoint. A pickle is a program that may call any function of Python by its name; this reader
// runs none of it. It knows the containers and plain values of the language, tensors and their storages, and refuses every other
// name.
import { WasmformerError } from '../../errors';
import type { SafetensorsDtype } from '../safetensors-header';

/** Bytes of a checkpoint's storage, which tensors are views of. */
export interface Storage {
  /** Its name in the file. */
  readonly key: string;
  /** Null where the tensors tell it themselves. */
  readonly dtype: SafetensorsDtype | null;
  /** Elements; bytes where there is no dtype. */
  readonly elements: number;
}

/** A tensor: a view of a storage. */
export class TensorView {
  constructor(
    readonly storage: Storage,
    readonly dtype: SafetensorsDtype,
    /** First element. */
    readonly offset: number,
    readonly dims: readonly number[],
    /** Elements from one index of each dim to the next. */
    readonly strides: readonly number[],
  ) {}
}

/** A name of Python's that a pickle may use. */
class Name {
  constructor(
    readonly text: string,
    /** What calling it gives; absent for names that are only values. */
    readonly call?: (args: readonly unknown[], fail: Fail) => unknown,
    readonly dtype?: SafetensorsDtype | null,
  ) {}
}

type Fail = (problem: string) => never;

const MARK = Symbol('mark');

const STORAGES: Readonly<Record<string, SafetensorsDtype>> = {
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  DoubleStorage: 'F64',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

const DTYPES: Readonly<Record<string, SafetensorsDtype>> = {
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  float64: 'F64',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  uint16: 'U16',
  uint32: 'U32',
  uint64: 'U64',
  bool: 'BOOL',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
};

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** torch._utils._rebuild_tensor and its later versions: (storage, offset, size, stride, ...). */
function rebuild(args: readonly unknown[], dtypeAt: number | null, fail: Fail): TensorView {
  const [storage, offset, dims, strides] = args;
  const given = dtypeAt === null ? undefined : args[dtypeAt];
  const dtype = given instanceof Name ? given.dtype : (storage as Partial<Storage> | null)?.dtype;
  const isSound =
    typeof storage === 'object' &&
    storage !== null &&
    'key' in storage &&
    Number.isSafeInteger(offset) &&
    (offset as number) >= 0 &&
    isCounts(dims) &&
    isCounts(strides) &&
    dims.length === strides.length;
  if (!isSound || !dtype) fail('a tensor is described by values that no tensor has');
  return new TensorView(storage as Storage, dtype, offset as number, dims as number[], strides as number[]);
}

function orderedDict(args: readonly unknown[], fail: Fail): Map<unknown, unknown> {
  const [pairs = []] = args;
  if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
    return fail('an OrderedDict is made of something that is no list of pairs');
  }
  return new Map(pairs as [unknown, unknown][]);
}

/** Values without tensors in them, which training loops save beside the tensors (arguments, devices): kept as what they are made of. */
const PLAIN = new Set([
  'builtins.set',
  'builtins.frozenset',
  'builtins.bytearray',
  'builtins.complex',
  '__builtin__.set',
  '__builtin__.frozenset',
  '__builtin__.bytearray',
  '__builtin__.complex',
  '_codecs.encode', // bytes, as old protocols write them
  'torch.device',
]);

/** The names that are known, as "module name". */
function known(module: string, name: string): Name | undefined {
  const text = `${module}.${name}`;
  switch (text) {
    case 'collections.OrderedDict':
      return new Name(text, orderedDict);
    case 'torch._utils._rebuild_tensor':
    case 'torch._utils._rebuild_tensor_v2':
      return new Name(text, (args, fail) => rebuild(args, null, fail));
    case 'torch._utils._rebuild_tensor_v3':
      return new Name(text, (args, fail) => rebuild(args, 6, fail));
    case 'torch._utils._rebuild_parameter':
      return new Name(text, ([data], fail) =>
        data instanceof TensorView ? data : fail('a parameter is made of something that is no tensor'),
      );
    case 'torch.Size':
      return new Name(text, ([dims], fail) => (isCounts(dims) ? dims : fail('a torch.Size has impossible dims')));
    case 'torch.storage.UntypedStorage':
    case 'torch.UntypedStorage':
      return new Name(text, undefined, null);
  }
  if (PLAIN.has(text)) return new Name(text, (args) => args);
  if (module !== 'torch') return undefined;
  const dtype = Object.hasOwn(STORAGES, name) ? STORAGES[name] : Object.hasOwn(DTYPES, name) ? DTYPES[name] : undefined;
  return dtype && new Name(text, undefined, dtype);
}

/** Reads little-endian values and texts. */
class Bytes {
  private readonly view: DataView;
  at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly fail: Fail,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Position of the next `count` bytes. */
  skip(count: number): number {
    const start = this.at;
    if (count > this.bytes.length - start) this.fail('the pickle ends in the middle of a value');
    this.at += count;
    return start;
  }

  u8(): number {
    return this.bytes[this.skip(1)];
  }

  u16(): number {
    return this.view.getUint16(this.skip(2), true);
  }

  u32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  i32(): number {
    return this.view.getInt32(this.skip(4), true);
  }

  u64(): number {
    return Number(this.view.getBigUint64(this.skip(8), true));
  }

  f64(): number {
    return this.view.getFloat64(this.skip(8), false);
  }

  /** A signed integer of any length, as a number where it is exact. */
  long(count: number): number | bigint {
    const start = this.skip(count);
    if (count > 16) return this.fail('it holds an integer of more than 16 bytes');
    let value = 0n;
    for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[start + i]);
    if (count > 0) value = BigInt.asIntN(8 * count, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  blob(count: number): Uint8Array {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  text(count: number): string {
    return new TextDecoder().decode(this.blob(count));
  }

  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) return this.fail('the pickle ends in the middle of a name');
    const text = this.text(end - this.at);
    this.at = end + 1;
    return text;
  }
}

/**
 * Reads one pickle: dicts as Maps, lists and tuples as arrays, tensors as TensorViews.
 * @param storageOf makes a storage of what a persistent id says
 * @returns the value, and how many bytes it took
 * @throws INVALID_FILE for names that are neither containers, tensors nor storages, and for a damaged pickle
 */
export function unpickle(
  bytes: Uint8Array,
  where: string,
  storageOf: (id: readonly unknown[], dtype: SafetensorsDtype | null, fail: Fail) => Storage,
): { value: unknown; length: number } {
  const fail: Fail = (problem) => {
    throw new WasmformerError('INVALID_FILE', `${where}: ${problem}; it is damaged or not a checkpoint of PyTorch`);
  };
  const refuse = (name: string): never => {
    throw new WasmformerError(
      'INVALID_FILE',
      `${where} asks for ${name}, which is neither a tensor nor a storage. Running what a file asks for is how a file takes ` +
        'over a machine, so it is not loaded; save the tensors alone (torch.save(model.state_dict())) or as safetensors',
    );
  };
  const input = new Bytes(bytes, fail);
  const memo = new Map<number, unknown>();
  const stack: unknown[] = [];

  const pop = (): unknown => {
    if (stack.length === 0 || stack[stack.length - 1] === MARK) fail('its stack runs empty');
    return stack.pop();
  };
  const top = (): unknown => {
    if (stack.length === 0 || stack[stack.length - 1] === MARK) fail('its stack runs empty');
    return stack[stack.length - 1];
  };
  const popToMark = (): unknown[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) fail('its stack has no mark');
    const items = stack.splice(mark);
    items.shift();
    return items;
  };
  const recall = (index: number): void => {
    if (!memo.has(index)) fail('it recalls what it never stored');
    stack.push(memo.get(index));
  };
  const name = (module: string, text: string): void => {
    stack.push(known(module, text) ?? refuse(`${module}.${text}`));
  };
  const setItems = (target: unknown, items: readonly unknown[]): void => {
    if (!(target instanceof Map) || items.length % 2 !== 0) return fail('it sets items of something that is no dict');
    for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
  };
  const append = (target: unknown, items: readonly unknown[]): void => {
    if (!Array.isArray(target)) return fail('it appends to something that is no list');
    for (const item of items) target.push(item);
  };
  const tuple = (count: number): void => {
    const items: unknown[] = [];
    for (let i = 0; i < count; i++) items.unshift(pop());
    stack.push(items);
  };

  for (;;) {
    const opcode = input.u8();
    switch (String.fromCharCode(opcode)) {
      case '\x80':
        if (input.u8() > 5) fail('it has a protocol that is not known');
        break;
      case '\x95': // frame: its length says nothing new
        input.skip(8);
        break;
      case '.':
        return { value: pop(), length: input.at };
      case '(':
        stack.push(MARK);
        break;
      case '0':
        pop();
        break;
      case '1':
        popToMark();
        break;
      case '2':
        stack.push(top());
        break;
      case 'N':
        stack.push(null);
        break;
      case '\x88':
        stack.push(true);
        break;
      case '\x89':
        stack.push(false);
        break;
      case 'J':
        stack.push(input.i32());
        break;
      case 'K':
        stack.push(input.u8());
        break;
      case 'M':
        stack.push(input.u16());
        break;
      case '\x8a':
        stack.push(input.long(input.u8()));
        break;
      case '\x8b':
        stack.push(input.long(input.u32()));
        break;
      case 'G':
        stack.push(input.f64());
        break;
      case 'X':
      case 'T':
        stack.push(input.text(input.u32()));
        break;
      case '\x8c':
      case 'U':
        stack.push(input.text(input.u8()));
        break;
      case '\x8d':
        stack.push(input.text(input.u64()));
        break;
      case 'B':
        stack.push(input.blob(input.u32()));
        break;
      case 'C':
        stack.push(input.blob(input.u8()));
        break;
      case '\x8e':
      case '\x96':
        stack.push(input.blob(input.u64()));
        break;
      case '}':
        stack.push(new Map());
        break;
      case ']':
      case ')':
      case '\x8f': // a set
        stack.push([]);
        break;
      case 'l':
      case 't':
      case '\x91': // a frozenset
        stack.push(popToMark());
        break;
      case 'd': {
        const items = popToMark();
        const dict = new Map<unknown, unknown>();
        setItems(dict, items);
        stack.push(dict);
        break;
      }
      case '\x85':
        tuple(1);
        break;
      case '\x86':
        tuple(2);
        break;
      case '\x87':
        tuple(3);
        break;
      case 'a': {
        const item = pop();
        append(top(), [item]);
        break;
      }
      case 'e':
      case '\x90': {
        const items = popToMark();
        append(top(), items);
        break;
      }
      case 's': {
        const value = pop();
        const key = pop();
        setItems(top(), [key, value]);
        break;
      }
      case 'u': {
        const items = popToMark();
        setItems(top(), items);
        break;
      }
      case 'q':
        memo.set(input.u8(), top());
        break;
      case 'r':
        memo.set(input.u32(), top());
        break;
      case '\x94':
        memo.set(memo.size, top());
        break;
      case 'h':
        recall(input.u8());
        break;
      case 'j':
        recall(input.u32());
        break;
      case 'c':
        name(input.line(), input.line());
        break;
      case '\x93': {
        const text = pop();
        const module = pop();
        if (typeof text !== 'string' || typeof module !== 'string') fail('a name is no text');
        name(module as string, text as string);
        break;
      }
      case 'R': {
        const args = pop();
        const callee = pop();
        if (!(callee instanceof Name) || !Array.isArray(args)) fail('it calls something that is no function');
        const { call, text } = callee as Name;
        stack.push(call ? call(args as unknown[], fail) : refuse(`a call of ${text}`));
        break;
      }
      case 'b':
        // the attributes of an OrderedDict (a state_dict's _metadata): nothing a checkpoint needs
        pop();
        if (!(top() instanceof Map)) refuse('the state of an object');
        break;
      case 'Q': {
        const id = pop();
        if (!Array.isArray(id) || id[0] !== 'storage' || !(id[1] instanceof Name) || id[1].dtype === undefined) {
          return fail('it refers to something that is no storage');
        }
        stack.push(storageOf(id, id[1].dtype, fail));
        break;
      }
      default:
        fail(`it has the operation 0x${opcode.toString(16).padStart(2, '0')}, which no checkpoint needs`);
    }
  }
}
