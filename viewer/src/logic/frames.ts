import {NONE} from '../data/table.ts'
import type {Model} from './model.ts'
import {ROW, type RowKind, type Rows} from './rows.ts'

/** Frames open at a row: how many in each column, and the lanes of those whose bars can be told apart. */
export interface Frames {
  readonly count: Uint32Array
  /** Lanes of the outermost frames of each column. */
  readonly lanes: number[][]
  /** Open frames of each lane. */
  readonly perLane: Map<number, number>
}

/** Frames open just before the row. Walks up once; the rows after it follow by `pass`. */
export function framesBefore(model: Model, rows: Rows, row: number, columnOf: Uint16Array, columns: number, levels: number): Frames {
  const {tree, calls} = model
  const call = rows.call[row]!
  const isBefore = startsFrame(rows.kind[row]! as RowKind) || isInside(rows.kind[row]! as RowKind)
  const count = new Uint32Array(columns)
  const perLane = new Map<number, number>()
  /** Lanes of the frames of each column met last, so in the end of the outermost. */
  const latest = new Uint32Array(columns * levels)
  let [lane, inLane] = [NONE, 0]
  for (let at = call === NONE || !isBefore ? call : tree.parent[call]!; at !== NONE; at = tree.parent[at]!) {
    const column = columnOf[calls.function[at]!]!
    latest[column * levels + (count[column]!++ % levels)] = tree.lane[at]!
    if (tree.lane[at] !== lane) {
      if (inLane > 0) perLane.set(lane, (perLane.get(lane) ?? 0) + inLane)
      ;[lane, inLane] = [tree.lane[at]!, 0]
    }
    inLane++
  }
  if (inLane > 0) perLane.set(lane, (perLane.get(lane) ?? 0) + inLane)
  const lanes = Array.from(count, (total, column) => Array.from(
    {length: Math.min(total, levels)}, (_, level) => latest[column * levels + ((total - 1 - level) % levels)]!,
  ))
  return {count, lanes, perLane}
}

/** Brings the frames from before the row to after it. */
export function pass(model: Model, rows: Rows, row: number, columnOf: Uint16Array, levels: number, frames: Frames): void {
  const kind = rows.kind[row]! as RowKind
  const call = rows.call[row]!
  if (kind === ROW.call) enter(model, call, columnOf, levels, frames)
  else if (kind === ROW.return || kind === ROW.unfinished) leave(model, call, columnOf, frames)
  else if (kind === ROW.fail) {
    for (let at = call; ; at = model.tree.parent[at]!) {
      leave(model, at, columnOf, frames)
      if (at === rows.extra[row]) break
    }
  }
}

function startsFrame(kind: RowKind): boolean {
  return kind === ROW.call || kind === ROW.leaf
}

function isInside(kind: RowKind): boolean {
  return kind === ROW.stretch || kind === ROW.equal || kind === ROW.parallel
}

function enter({tree, calls}: Model, call: number, columnOf: Uint16Array, levels: number, frames: Frames): void {
  const column = columnOf[calls.function[call]!]!
  const level = frames.count[column]!++
  const lane = tree.lane[call]!
  if (level < levels) frames.lanes[column]![level] = lane
  frames.perLane.set(lane, (frames.perLane.get(lane) ?? 0) + 1)
}

function leave({tree, calls}: Model, call: number, columnOf: Uint16Array, frames: Frames): void {
  const column = columnOf[calls.function[call]!]!
  frames.count[column]!--
  const lane = tree.lane[call]!
  const left = (frames.perLane.get(lane) ?? 1) - 1
  if (left === 0) frames.perLane.delete(lane)
  else frames.perLane.set(lane, left)
}
