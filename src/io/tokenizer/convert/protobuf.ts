// SentencePiece's model file: a protocol buffer (ModelProto), of which the fields that encoding needs are read.

import { lookalike } from '../../lookalikes';
import { inBlocks } from '../in-blocks.js';
import { invalidTokenizer, type Pause } from '../json.js';

/** What a piece is. */
export const PieceType = { Normal: 1, Unknown: 2, Control: 3, UserDefined: 4, Unused: 5, Byte: 6 } as const;

export interface Piece {
  readonly text: string;
  readonly score: number;
  /** One of PieceType. */
  readonly type: number;
}

export interface PieceModel {
  readonly pieces: readonly Piece[];
  readonly algorithm: 'Unigram' | 'BPE';
  readonly byteFallback: boolean;
  /** Index of the piece of type Unknown. */
  readonly unknown: number;
  /** The character map, empty where text is taken as it is. */
  readonly characterMap: Uint8Array;
  readonly addsPrefix: boolean;
  readonly removesSpaces: boolean;
}

type Value = number | Uint8Array;

const MAX_VARINT_BYTES = 10;

/** Calls back for the fields of a message in order: numbers of 32 bits for varints and fixed fields, bytes for the rest. */
function readMessage(bytes: Uint8Array, where: string, visit: (field: number, value: Value) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (): never => {
    const found = lookalike(String.fromCharCode(...bytes.subarray(0, 8)));
    return invalidTokenizer(where, `the SentencePiece model is ${found ?? 'truncated or damaged; download it again'}`);
  };
  let at = 0;
  const varint = (): number => {
    let low = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (at >= bytes.length) return damaged();
      const byte = bytes[at++];
      // what does not fit 32 bits is the sign of a negative number
      if (i < 5) low |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return low;
    }
    return damaged();
  };
  const take = (length: number): number => {
    if (length < 0 || length > bytes.length - at) return damaged();
    at += length;
    return at - length;
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = tag >>> 3;
    if (field === 0) damaged();
    switch (tag & 7) {
      case 0:
        visit(field, varint());
        break;
      case 1:
        take(8);
        break;
      case 2: {
        const length = varint();
        const start = take(length);
        visit(field, bytes.subarray(start, start + length));
        break;
      }
      case 5:
        visit(field, view.getFloat32(take(4), true));
        break;
      default:
        damaged();
    }
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readPiece(bytes: Uint8Array, where: string): Piece {
  let text = '';
  let score = 0;
  let type: number = PieceType.Normal;
  readMessage(bytes, where, (field, value) => {
    if (field === 1 && typeof value !== 'number') text = readText(value, where);
    else if (field === 2 && typeof value === 'number') score = value;
    else if (field === 3 && typeof value === 'number') type = value;
  });
  if (!Number.isFinite(score)) invalidTokenizer(where, `the score of ${JSON.stringify(text)} is ${score}`);
  if (text === '') invalidTokenizer(where, 'there is an empty piece');
  if (type < PieceType.Normal || type > PieceType.Byte) {
    invalidTokenizer(where, `the piece ${JSON.stringify(text)} is of the unknown type ${type}`);
  }
  return { text, score, type };
}

function readText(bytes: Uint8Array, where: string): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    return invalidTokenizer(where, 'a piece is not UTF-8 text; the file may be damaged, download it again', error);
  }
}

/** Reads a model. Throws INVALID_TOKENIZER for damage and for what SentencePiece can do but is not supported here. */
export async function readPieceModel(bytes: Uint8Array, where: string, pause: Pause): Promise<PieceModel> {
  const found: Uint8Array[] = [];
  const trainer = { algorithm: 1, byteFallback: false, suffix: false };
  const normalizer = { characterMap: new Uint8Array(0), addsPrefix: true, removesSpaces: true, escapes: true };
  readMessage(bytes, where, (field, part) => {
    if (typeof part === 'number') return;
    if (field === 1) {
      found.push(part);
    } else if (field === 2) {
      readMessage(part, where, (key, value) => {
        if (typeof value !== 'number') return;
        if (key === 3) trainer.algorithm = value;
        else if (key === 24) trainer.suffix = value !== 0;
        else if (key === 35) trainer.byteFallback = value !== 0;
      });
    } else if (field === 3) {
      readMessage(part, where, (key, value) => {
        if (typeof value !== 'number') {
          if (key === 2) normalizer.characterMap = value.slice();
        } else if (key === 3) normalizer.addsPrefix = value !== 0;
        else if (key === 4) normalizer.removesSpaces = value !== 0;
        else if (key === 5) normalizer.escapes = value !== 0;
      });
    }
  });
  const pieces: Piece[] = [];
  await inBlocks(found, pause, (piece, i) => {
    pieces.push(readPiece(piece, `${where}: piece ${i}`));
  });
  if (pieces.length === 0) invalidTokenizer(where, 'has no pieces; this is not a SentencePiece model');
  if (trainer.algorithm !== 1 && trainer.algorithm !== 2) {
    invalidTokenizer(
      where,
      `is a ${trainer.algorithm === 3 ? 'word' : 'character'} model; unigram and BPE are supported`,
    );
  }
  if (trainer.suffix) invalidTokenizer(where, 'treats white space as a suffix, which is not supported');
  if (!normalizer.escapes) invalidTokenizer(where, 'leaves white space unescaped, which is not supported');
  await pause();
  checkPieces(pieces, trainer.byteFallback, where);
  return {
    pieces,
    algorithm: trainer.algorithm === 1 ? 'Unigram' : 'BPE',
    byteFallback: trainer.byteFallback,
    unknown: pieces.findIndex((piece) => piece.type === PieceType.Unknown),
    characterMap: normalizer.characterMap,
    addsPrefix: normalizer.addsPrefix,
    removesSpaces: normalizer.removesSpaces,
  };
}

function checkPieces(pieces: readonly Piece[], byteFallback: boolean, where: string): void {
  const unknown = pieces.filter((piece) => piece.type === PieceType.Unknown).length;
  if (unknown !== 1) invalidTokenizer(where, `has ${unknown} pieces of type unknown, not one; the file may be damaged`);
  const texts = new Set<string>();
  for (const { text } of pieces) {
    if (texts.has(text))
      invalidTokenizer(where, `has the piece ${JSON.stringify(text)} twice; the file may be damaged`);
    texts.add(text);
  }
  const bytes = pieces.filter((piece) => piece.type === PieceType.Byte).length;
  if (byteFallback && bytes !== 256) {
    invalidTokenizer(where, `has ${bytes} byte pieces instead of 256; the file may be damaged`);
  }
}
