/** What the page's file holds as JSON. */
export interface PageData {
  schema: 1
  run: RunFacts
  /** All functions of the run; exact figures over all calls. */
  functions: FunctionRow[]
  threads: LaneRow[]
  tasks: LaneRow[]
  /** Texts of values and exceptions; index 0 is always "": nothing recorded. */
  texts: string[]
  /** Where each typed array lies in the decoded bytes. */
  columns: ColumnSpec[]
  /** The map collapsed by depth, readable as text. */
  map: MapNode[]
}

export interface LeftOut {
  reason: string
  count: number
  detail: string[]
}

export interface RunFacts {
  command: string
  python: string
  execmap: string
  /** File name of the trace. */
  trace: string
  /** ISO 8601. */
  started: string
  duration_ns: number
  calls: number
  /** Calls in the columns. */
  held_calls: number
  /** Calls with outcome `raised`. */
  failures: number
  complete: boolean
  recovered: boolean
  left_out: LeftOut[]
  bytes: number
  detail: 'calls' | 'statements'
}

/** A thread or a task; `created_by` is a call number. */
export interface LaneRow {
  handle: string
  name: string
  calls: number
  created_by: number | null
}

export type FunctionKind = 'function' | 'generator' | 'coroutine' | 'async_generator' | 'module' | 'class'

export interface FunctionRow {
  /** Qualified name. */
  name: string
  module: string
  file: string
  line: number
  /** Class or module it is drawn on. */
  participant: string
  package: string
  kind: FunctionKind
  args: string[]
  calls: number
  total_ns: number
  self_ns: number
  mean_ns: number
  slowest_ns: number
  first_ns: number
  failed: number
  /** 17 bins over the logarithm of the time. */
  spread: number[]
  threads: number
}

export interface ColumnSpec {
  name: string
  type: 'u8' | 'u16' | 'u32' | 'f64'
  /** In bytes. */
  offset: number
  /** In elements. */
  length: number
}

export interface MapNode {
  call: number
  function: number
  label: string
  result: string
  failure: string
  calls_inside: number
  children: MapNode[]
}
