import {NONE} from '../data/table.ts'
import {finished, growing, push} from '../lib/growing.ts'
import {segments, type Model} from './model.ts'
import type {OpenState} from './open.ts'
import {STRETCH, SINGLE, insideStretch, type Segments} from './segments.ts'

/** What a row of the tree shows. */
export const ROW = {
  call: 0,
  /** Calls this file does not hold. */
  absent: 1,
  /** Many neighbouring calls. */
  stretch: 2,
  /** Equal neighbouring calls. */
  equal: 3,
} as const
export type RowKind = (typeof ROW)[keyof typeof ROW]

/** The rows of the tree, as columns. Heights are fixed per kind. */
export interface Rows {
  readonly length: number
  readonly kind: Uint32Array
  /** The call; for a stretch its first call; NONE for what is absent among the roots. */
  readonly call: Uint32Array
  /** Stretch: end place in `children`. Absent: how many. */
  readonly extra: Uint32Array
  /** Open stretches around each row. */
  readonly nest: Uint32Array
  /** Top of each row, and after the last the height of all. */
  readonly top: Float64Array
}

export type RowHeights = Readonly<Record<RowKind, number>>

const END = 0xffffffff

/** All rows for what is open. Linear in the rows; its stack is a list, whatever the depth. */
export function buildRows(model: Model, open: OpenState, heights: RowHeights): Rows {
  const {tree} = model
  const [kinds, calls, extras, nests] = [growing(), growing(), growing(), growing()]
  const add = (kind: RowKind, call: number, extra: number, nest: number) => {
    push(kinds, kind)
    push(calls, call)
    push(extras, extra)
    push(nests, nest)
  }
  const pending: {pieces: Segments, at: number, call: number, nest: number}[] = []
  if (tree.length > 0) pending.push({pieces: segments(model, NONE), at: 0, call: NONE, nest: 0})

  while (pending.length > 0) {
    const top = pending[pending.length - 1]!
    if (top.at >= top.pieces.length) {
      pending.pop()
      const absent = top.call === END ? 0 : top.call === NONE ? tree.absentRoots : tree.absent[top.call]!
      if (absent > 0) add(ROW.absent, top.call, absent, top.nest)
      continue
    }
    const {pieces, at, nest} = top
    top.at += 3
    const [from, to, kind] = [pieces[at]!, pieces[at + 1]!, pieces[at + 2]!]
    const call = tree.children[from]!
    if (kind !== SINGLE) {
      add(kind === STRETCH ? ROW.stretch : ROW.equal, call, to, nest)
      if (open.stretches.has(stretchKey(from, to))) pending.push({pieces: insideStretch(from, to), at: 0, call: END, nest: nest + 1})
      continue
    }
    add(ROW.call, call, 0, nest)
    if (open.calls[call] === 1 && tree.below[call]! > 0) pending.push({pieces: segments(model, call), at: 0, call, nest})
  }
  const [kind, call, extra, nest] = [finished(kinds), finished(calls), finished(extras), finished(nests)]
  const top = new Float64Array(kind.length + 1)
  for (let row = 0; row < kind.length; row++) top[row + 1] = top[row]! + heights[kind[row]! as RowKind]
  return {length: kind.length, kind, call, extra, nest, top}
}

/** Names a stretch of `children` in the open state and in links. */
export function stretchKey(from: number, to: number): string {
  return `${from}-${to}`
}

/** Rows with their tops, whatever they are. */
export type Tops = Pick<Rows, 'length' | 'top'>

/** Row whose box holds the height `y`; the last one when y lies below all. */
export function rowAt(rows: Tops, y: number): number {
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
  return kind === ROW.call
}

/** Rows of one height, for tables. */
export function fixedRows(length: number, height: number): Rows {
  const top = Float64Array.from({length: length + 1}, (_, row) => row * height)
  const empty = new Uint32Array(length)
  return {length, kind: empty, call: empty, extra: empty, nest: empty, top}
}
