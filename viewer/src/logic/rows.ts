import {EXITED, NONE, RAISED, UNFINISHED} from '../data/table.ts'
import {passesOn, segments, type Model} from './model.ts'
import type {OpenState} from './open.ts'
import {PARALLEL, STRETCH, SINGLE, insideStretch, type Segments} from './segments.ts'

/** What a row shows. */
export const ROW = {
  /** A call whose end has a row of its own. */
  call: 0,
  /** A call in one row. */
  leaf: 1,
  return: 2,
  fail: 3,
  suspended: 4,
  unfinished: 5,
  /** Calls this file does not hold. */
  absent: 6,
  /** Many neighbouring calls. */
  stretch: 7,
  /** Equal neighbouring calls. */
  equal: 8,
  /** Head of a block: lanes that ran at the same time. */
  parallel: 9,
} as const
export type RowKind = (typeof ROW)[keyof typeof ROW]

/** The rows of a view, as columns. Heights are fixed per kind. */
export interface Rows {
  readonly length: number
  readonly kind: Uint8Array
  /** The call; for a stretch its first call; NONE for what is absent among the roots. */
  readonly call: Uint32Array
  /** Stretch and block: end place in `children`. Fail: outermost call that let the exception pass. Absent: how many. */
  readonly extra: Uint32Array
  /** Open stretches around each row. */
  readonly nest: Uint8Array
  /** Innermost block each row lies in, from 1; 0 for none. */
  readonly block: Uint32Array
  /** For each block the one around it, and its column's call: pairs, the first for block 1. */
  readonly blocks: Uint32Array
  /** Top of each row, and after the last the height of all. */
  readonly top: Float64Array
}

export type RowMode = 'map' | 'tree'
export type RowHeights = Readonly<Record<RowKind, number>>

const END = 0xffffffff

/** All rows for what is open. Linear in the rows; its stack is a list, whatever the depth. */
export function buildRows(model: Model, open: OpenState, mode: RowMode, heights: RowHeights): Rows {
  const {calls, tree} = model
  const out = emitter()
  /** Pairs: a call whose end comes now (END first), or a list of pieces and the place in it. */
  const pending: {pieces: Segments, at: number, call: number, nest: number, block: number, inside: number, end: number}[] = []
  if (tree.length > 0) pending.push({pieces: segments(model, NONE), at: 0, call: NONE, nest: 0, block: 0, inside: 0, end: 0})

  while (pending.length > 0) {
    const top = pending[pending.length - 1]!
    out.around(top.nest, top.block)
    if (top.at >= top.pieces.length) {
      pending.pop()
      if (top.call !== END) endOf(model, top.call, mode, true, out)
      continue
    }
    const {pieces, at} = top
    top.at += 3
    const [from, to, kind] = [pieces[at]!, pieces[at + 1]!, pieces[at + 2]!]
    const call = tree.children[from]!
    if (kind === PARALLEL) {
      if (mode === 'tree') continue
      top.inside = out.block(top.block, top.call)
      top.end = to
    }
    const block = from < top.end ? top.inside : top.block
    out.around(top.nest, block)
    if (kind === PARALLEL) {
      out.add(ROW.parallel, call, to)
    } else if (kind !== SINGLE) {
      out.add(kind === STRETCH ? ROW.stretch : ROW.equal, call, to)
      if (open.stretches.has(stretchKey(from, to))) pending.push({pieces: insideStretch(from, to), at: 0, call: END, nest: Math.min(255, top.nest + 1), block, inside: 0, end: 0})
    } else if (open.calls[call] === 1 && tree.below[call]! > 0) {
      out.add(ROW.call, call, 0)
      pending.push({pieces: segments(model, call), at: 0, call, nest: top.nest, block, inside: 0, end: 0})
    } else if (mode === 'map' && (calls.outcome[call] === RAISED || calls.outcome[call] === EXITED || calls.outcome[call] === UNFINISHED)) {
      out.add(ROW.call, call, 0)
      endOf(model, call, mode, false, out)
    } else {
      out.add(ROW.leaf, call, 0)
    }
  }
  return out.rows(heights)
}

/** Names a stretch of `children` in the open state and in links. */
export function stretchKey(from: number, to: number): string {
  return `${from}-${to}`
}

/** Row whose box holds the height `y`; the last one when y lies below all. */
export function rowAt(rows: Rows, y: number): number {
  let low = 0
  let high = rows.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (rows.top[middle]! <= y) low = middle
    else high = middle - 1
  }
  return Math.max(0, low)
}

/** Row that names the call, or -1. */
export function rowOfCall(rows: Rows, call: number): number {
  for (let row = rows.call.indexOf(call); row >= 0; row = rows.call.indexOf(call, row + 1)) {
    if (isCallRow(rows.kind[row]! as RowKind)) return row
  }
  return -1
}

/** Whether keys stop at the row. */
export function isStop(kind: RowKind): boolean {
  return isCallRow(kind) || isStretchRow(kind)
}

export function isStretchRow(kind: RowKind): boolean {
  return kind === ROW.stretch || kind === ROW.equal
}

export function isCallRow(kind: RowKind): boolean {
  return kind === ROW.call || kind === ROW.leaf
}

function endOf(model: Model, call: number, mode: RowMode, isOpen: boolean, out: Emitter): void {
  const {calls, tree} = model
  const absent = call === NONE ? tree.absentRoots : tree.absent[call]!
  if (isOpen && absent > 0) out.add(ROW.absent, call, absent)
  if (mode === 'tree' || call === NONE) return
  if (isOpen && calls.suspended[call]! > 0) out.add(ROW.suspended, call, 0)
  switch (calls.outcome[call]) {
    case RAISED: {
      const last = out.lastFailure()
      if (last !== NONE && tree.parent[last] === call && passesOn(model, last)) out.extendFailure(call)
      else out.add(ROW.fail, call, call)
      return
    }
    case UNFINISHED:
      out.add(ROW.unfinished, call, 0)
      return
    default:
      out.add(ROW.return, call, 0)
  }
}

type Emitter = ReturnType<typeof emitter>

function emitter() {
  let kind = new Uint8Array(256)
  let call = new Uint32Array(256)
  let extra = new Uint32Array(256)
  let nests = new Uint8Array(256)
  let inBlock = new Uint32Array(256)
  let nest = 0
  let block = 0
  const blocks: number[] = []
  let length = 0
  const grow = () => {
    const size = kind.length * 2
    const [k, c, e, n, b] = [new Uint8Array(size), new Uint32Array(size), new Uint32Array(size), new Uint8Array(size), new Uint32Array(size)]
    k.set(kind)
    c.set(call)
    e.set(extra)
    n.set(nests)
    b.set(inBlock)
    ;[kind, call, extra, nests, inBlock] = [k, c, e, n, b]
  }
  return {
    /** Open stretches and innermost block around the rows that follow. */
    around(stretches: number, innermost: number): void {
      nest = stretches
      block = innermost
    },
    /** A new block inside another one, below a call. */
    block(outer: number, below: number): number {
      blocks.push(outer, below)
      return blocks.length / 2
    },
    add(rowKind: RowKind, rowCall: number, rowExtra: number): void {
      if (length === kind.length) grow()
      kind[length] = rowKind
      call[length] = rowCall
      extra[length] = rowExtra
      nests[length] = nest
      inBlock[length] = block
      length++
    },
    /** Outermost call of the failure in the last row, or NONE. */
    lastFailure(): number {
      return length > 0 && kind[length - 1] === ROW.fail ? extra[length - 1]! : NONE
    },
    extendFailure(to: number): void {
      extra[length - 1] = to
    },
    rows(heights: RowHeights): Rows {
      const top = new Float64Array(length + 1)
      for (let row = 0; row < length; row++) top[row + 1] = top[row]! + heights[kind[row]! as RowKind]
      return {length, kind: kind.slice(0, length), call: call.slice(0, length), extra: extra.slice(0, length), nest: nests.slice(0, length), block: inBlock.slice(0, length), blocks: Uint32Array.from(blocks), top}
    },
  }
}

/** Rows of one height, for tables. */
export function fixedRows(length: number, height: number): Rows {
  const top = Float64Array.from({length: length + 1}, (_, row) => row * height)
  return {length, kind: new Uint8Array(length).fill(ROW.leaf), call: new Uint32Array(length), extra: new Uint32Array(length), nest: new Uint8Array(length), block: new Uint32Array(length), blocks: new Uint32Array(0), top}
}
