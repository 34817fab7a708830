import {NONE, RAISED, UNFINISHED} from '../data/table.ts'
import {passesOn, segments, type Model} from './model.ts'
import type {OpenState} from './open.ts'
import {STRETCH, SINGLE, insideStretch, type Segments} from './segments.ts'

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
} as const
export type RowKind = (typeof ROW)[keyof typeof ROW]

/** The rows of a view, as columns. Heights are fixed per kind. */
export interface Rows {
  readonly length: number
  readonly kind: Uint8Array
  /** The call; for a stretch its first call; NONE for what is absent among the roots. */
  readonly call: Uint32Array
  /** Stretch: end place in `children`. Fail: outermost call that let the exception pass. Absent: how many. */
  readonly extra: Uint32Array
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
  const pending: {pieces: Segments, at: number, call: number}[] = []
  if (tree.length > 0) pending.push({pieces: segments(model, NONE), at: 0, call: NONE})

  while (pending.length > 0) {
    const top = pending[pending.length - 1]!
    if (top.at >= top.pieces.length) {
      pending.pop()
      if (top.call !== END) endOf(model, top.call, mode, true, out)
      continue
    }
    const {pieces, at} = top
    top.at += 3
    const [from, to, kind] = [pieces[at]!, pieces[at + 1]!, pieces[at + 2]!]
    const call = tree.children[from]!
    if (kind !== SINGLE) {
      out.add(kind === STRETCH ? ROW.stretch : ROW.equal, call, to)
      if (open.stretches.has(stretchKey(from, to))) pending.push({pieces: insideStretch(from, to), at: 0, call: END})
    } else if (open.calls[call] === 1 && tree.below[call]! > 0) {
      out.add(ROW.call, call, 0)
      pending.push({pieces: segments(model, call), at: 0, call})
    } else if (mode === 'map' && (calls.outcome[call] === RAISED || calls.outcome[call] === UNFINISHED)) {
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
  for (let row = 0; row < rows.length; row++) {
    if (rows.call[row] === call && isCallRow(rows.kind[row]! as RowKind)) return row
  }
  return -1
}

/** Whether keys stop at the row. */
export function isStop(kind: RowKind): boolean {
  return isCallRow(kind) || kind === ROW.stretch || kind === ROW.equal
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
  let length = 0
  const grow = () => {
    const size = kind.length * 2
    const [k, c, e] = [new Uint8Array(size), new Uint32Array(size), new Uint32Array(size)]
    k.set(kind)
    c.set(call)
    e.set(extra)
    ;[kind, call, extra] = [k, c, e]
  }
  return {
    add(rowKind: RowKind, rowCall: number, rowExtra: number): void {
      if (length === kind.length) grow()
      kind[length] = rowKind
      call[length] = rowCall
      extra[length] = rowExtra
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
      return {length, kind: kind.slice(0, length), call: call.slice(0, length), extra: extra.slice(0, length), top}
    },
  }
}
