import type {ColumnSpec} from '../gen/page.ts'

/** No parent, no task. */
export const NONE = 0xffffffff

export const RETURNED = 0
export const RAISED = 1
export const CLOSED = 2
export const UNFINISHED = 3

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

/** The table over the decoded bytes. Fails when a column is missing or lies outside them. */
export function callTable(bytes: Uint8Array<ArrayBuffer>, specs: readonly ColumnSpec[]): CallTable {
  const u32 = (name: string) => typed(bytes, specs, name, 'u32') as Uint32Array
  const f64 = (name: string) => typed(bytes, specs, name, 'f64') as Float64Array
  const calls = u32('function')
  return {
    length: calls.length,
    function: calls,
    parent: u32('parent'),
    start: f64('start_ns'),
    end: f64('end_ns'),
    suspended: f64('suspended_ns'),
    thread: typed(bytes, specs, 'thread', 'u16') as Uint16Array,
    task: u32('task'),
    outcome: typed(bytes, specs, 'outcome', 'u8') as Uint8Array,
    result: u32('result'),
    exception: u32('exception'),
    callLine: u32('call_line'),
    argsStart: u32('args_start'),
    argTexts: u32('arg_texts'),
    subtree: u32('subtree'),
  }
}

const WIDTHS = {u8: 1, u16: 2, u32: 4, f64: 8} as const

function typed(bytes: Uint8Array<ArrayBuffer>, specs: readonly ColumnSpec[], name: string, type: ColumnSpec['type']): Column {
  const spec = specs.find((candidate) => candidate.name === name)
  if (spec === undefined || spec.type !== type) throw new Error(`the column ${name} is missing`)
  const width = WIDTHS[type]
  const end = spec.offset + spec.length * width
  if (end > bytes.byteLength) throw new Error(`the column ${name} is cut off`)
  const at = bytes.byteOffset + spec.offset
  const aligned = at % width === 0
  const buffer = aligned ? bytes.buffer : bytes.slice(spec.offset, end).buffer
  const offset = aligned ? at : 0
  switch (type) {
    case 'u8':
      return new Uint8Array(buffer, offset, spec.length)
    case 'u16':
      return new Uint16Array(buffer, offset, spec.length)
    case 'u32':
      return new Uint32Array(buffer, offset, spec.length)
    case 'f64':
      return new Float64Array(buffer, offset, spec.length)
  }
}
