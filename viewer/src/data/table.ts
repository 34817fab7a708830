import type {ColumnSpec} from '../gen/page.ts'
import {NONE} from './none.ts'
import {denseLanes, tellTimes, unfolded} from './times.ts'

export {NONE}

export const RETURNED = 0
/** It failed: an exception left it. */
export const RAISED = 1
export const CLOSED = 2
export const UNFINISHED = 3
/** Left by the exception that ends the program in order or closes a generator: no failure. */
export const EXITED = 4

/** One row per held call in order of start; a parent always comes before its children. Call number n is handle c-n. */
export interface CallTable {
  readonly length: number
  readonly function: Uint32Array
  readonly parent: Uint32Array
  readonly start: Float64Array
  /** NaN: did not return. */
  readonly end: Float64Array
  readonly suspended: Float64Array
  readonly thread: Uint16Array
  readonly task: Uint32Array
  readonly outcome: Uint8Array
  readonly result: Uint32Array
  readonly exception: Uint32Array
  readonly callLine: Uint32Array
  readonly argsStart: Uint32Array
  readonly argTexts: Uint32Array
  /** Calls below in the whole run, held or not. */
  readonly subtree: Uint32Array
}

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** The table of the decoded bytes; `argCounts` by function. Fails when a column is missing or lies outside them. */
export function callTable(bytes: Uint8Array<ArrayBuffer>, specs: readonly ColumnSpec[], argCounts: readonly number[]): CallTable {
  const find = (name: string) => column(bytes, specs, name)
  const u32 = (name: string) => numbers(bytes, specs, name)
  const called = u32('function')
  const length = called.length
  const thread = filled(find('thread'), (size) => new Uint16Array(size))
  const task = u32('task').map((number) => (number === 0 ? NONE : number - 1))
  const parent = u32('parent').map((distance, call) => (distance === 0 ? NONE : call - distance))
  return {
    length, function: called, parent, thread, task,
    ...times(parent, thread, task, find('start'), find('end')),
    suspended: filled(find('suspended'), (size) => new Float64Array(size)),
    outcome: filled(find('outcome'), (size) => new Uint8Array(size)),
    result: u32('result'),
    exception: u32('exception'),
    callLine: u32('call_line'),
    argsStart: argStarts(called, argCounts),
    argTexts: u32('arg_texts'),
    subtree: subtrees(parent, u32('absent')),
  }
}

/** A column of whole numbers. */
export function numbers(bytes: Uint8Array, specs: readonly ColumnSpec[], name: string): Uint32Array {
  return filled(column(bytes, specs, name), (length) => new Uint32Array(length))
}

interface Planes {
  readonly bytes: Uint8Array
  readonly width: number
  readonly length: number
}

function column(bytes: Uint8Array, specs: readonly ColumnSpec[], name: string): Planes {
  const spec = specs.find((candidate) => candidate.name === name)
  if (spec === undefined) throw new Error(`the column ${name} is missing`)
  const {width, length, offset} = spec
  if (offset + width * length > bytes.byteLength) throw new Error(`the column ${name} is cut off`)
  return {bytes: bytes.subarray(offset, offset + width * length), width, length}
}

/** Puts the bytes of each element together: the lowest bytes of all stand first. */
function filled<T extends Column>({bytes, width, length}: Planes, make: (length: number) => T): T {
  const into = make(length)
  for (let plane = 0, factor = 1; plane < width; plane++, factor *= 256) {
    const from = plane * length
    for (let row = 0; row < length; row++) into[row]! += bytes[from + row]! * factor
  }
  return into
}

function times(parent: Uint32Array, thread: Uint16Array, task: Uint32Array, starts: Planes, ends: Planes): Pick<CallTable, 'start' | 'end'> {
  const start = filled(starts, (length) => new Float64Array(length))
  const end = filled(ends, (length) => new Float64Array(length))
  const {lane, lanes} = denseLanes(thread, task)
  tellTimes(
    parent, lane, lanes,
    (call, clock) => (start[call] = clock + unfolded(start[call]!)),
    (call, clock) => (end[call] = end[call] === 0 ? Number.NaN : clock + unfolded(end[call]! - 1)),
  )
  return {start, end}
}

function argStarts(called: Uint32Array, argCounts: readonly number[]): Uint32Array {
  const starts = new Uint32Array(called.length)
  let at = 0
  for (let call = 0; call < called.length; call++) {
    starts[call] = at
    at += argCounts[called[call]!] ?? 0
  }
  return starts
}

/** Adds the held calls below each call to those that are not held. */
function subtrees(parent: Uint32Array, absent: Uint32Array): Uint32Array {
  const held = new Uint32Array(parent.length)
  for (let call = parent.length - 1; call >= 0; call--) {
    if (parent[call] !== NONE) held[parent[call]!]! += held[call]! + 1
  }
  return held.map((below, call) => below + absent[call]!)
}
