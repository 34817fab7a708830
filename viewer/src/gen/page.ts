// Made from crates/execmap-web/src/data.rs by its test; do not edit.

export type FunctionKind = 'function' | 'generator' | 'coroutine' | 'async_generator' | 'module' | 'class'

/** All of it, put together. */
export type PageData = PageHead & PageTables

/** What the page's file holds as JSON that is read before anything else. */
export type PageHead = {
  /** Version of the shape. */
  schema: 1
  /** Facts of the run. */
  run: RunFacts
  /** Threads, by number. */
  threads: Array<LaneRow>
  /** Tasks, by number. */
  tasks: Array<LaneRow>
  /** Where each column lies in the decoded bytes. */
  columns: Array<ColumnSpec>
  /** The map with what is closed in it, readable as text. */
  map: Array<MapLine>
  /** The outermost calls: the number of a sequence of the folded tree. */
  roots: number
}

/** What stands packed beside the calls, as JSON in the column `tables`. */
export type PageTables = {
  /** All functions of the run; exact figures over all calls. */
  functions: Array<FunctionRow>
  /** Texts of values and exceptions; index 0 is always "": nothing recorded. */
  texts: Array<string>
}

/** Something that was left out of the trace. */
export type LeftOut = {
  /** Why, in words. */
  reason: string
  /** How often. */
  count: number
  /** All of it as a line of words. */
  line: string
  /** What it means, and what to do about it; empty where there is nothing to do. */
  advice: string
}

/** Facts of the run. */
export type RunFacts = {
  /** The command line. */
  command: string
  /** Version of the Python that ran. */
  python: string
  /** Version of the execmap that recorded. */
  execmap: string
  /** File name of the trace. */
  trace: string
  /** When the recording began: ISO 8601, empty when unknown. */
  started: string
  /** From the first event to the last. */
  duration_ns: number
  /** Calls of the run. */
  calls: number
  /** Calls in the columns. */
  held_calls: number
  /** Calls that failed. */
  failures: number
  /** Whether the recording came to its end. */
  complete: boolean
  /** Whether something was taken from the side file of a run that did not end. */
  recovered: boolean
  /** How the recording ended. */
  state: 'whole' | 'stopped' | 'recovered' | 'cut_short'
  /** How the recording ended, in a sentence. */
  verdict: string
  /** How long the program waited for what it had recorded to be written. */
  waited_ns: number
  /** Whether frames were read in a poorer way than usual. */
  degraded: boolean
  /** Calls that had not returned when the recording ended. */
  unfinished: number
  /** What was left out. */
  left_out: Array<LeftOut>
  /** Size of the trace. */
  bytes: number
  /** How much was recorded. */
  detail: 'calls' | 'statements'
}

/** A thread or a task. */
export type LaneRow = {
  /** Its handle. */
  handle: string
  /** Its name in Python, and of which process it is where there are several. */
  name: string
  /** Calls that began on it. */
  calls: number
  /** Number of the call that created it. */
  created_by: number | null
}

/** A function over all calls of the run. */
export type FunctionRow = {
  /** Qualified name. */
  name: string
  /** `__name__` of its globals. */
  module: string
  /** Its file. */
  file: string
  /** The line where it begins. */
  line: number
  /** Class or module it is drawn on. */
  participant: string
  /** The module of the class, the package of the module. */
  package: string
  /** What it is. */
  kind: FunctionKind
  /** Names of its arguments. */
  args: Array<string>
  /** Whether the first of them is the object it was called on. */
  has_receiver: boolean
  /** Its loops. */
  loops: Array<LoopRow>
  /** How often it was called. */
  calls: number
  /** Time it ran, calls from it included. */
  total_ns: number
  /** Time it ran itself. */
  self_ns: number
  /** Mean time a call ran. */
  mean_ns: number
  /** The longest time one did. */
  slowest_ns: number
  /** When it was first called. */
  first_ns: number
  /** Calls that failed. */
  failed: number
  /** 17 bins over the logarithm of the time. */
  spread: Array<number>
  /** Threads it was called on. */
  threads: number
}

/** A column in the decoded bytes: the lowest bytes of all elements, then the next bytes of all. */
export type ColumnSpec = {
  /** Name of the column. */
  name: string
  /** Bytes of an element. */
  width: number
  /** In bytes. */
  offset: number
  /** In elements. */
  length: number
}

/** A row of the map. What is inside it follows it. */
export type MapLine = {
  /** What it is. */
  kind: MapLineKind
  /** Name of the function, head of the block or section, name of the lane. */
  text: string
  /** How many of the rows that follow are inside it. */
  inside?: number
  /** Whether these are rows of the first picture. */
  open?: boolean
  /** Number of the call, of the first of them, or of the first in the loop. */
  call?: number
  /** Position of its function. */
  function?: number
  /** Calls it stands for, iterations, how often a section was gone through. */
  times?: number
  /** Names of arguments with their value, or what values they had. */
  args?: Array<[string, string]>
  /** What it returned, or what values these were. */
  result?: string
  /** The exception that left it. */
  exception?: string
  /** How it ended, as in the column `outcome`. */
  outcome?: number
  /** Calls below it. */
  calls_inside?: number
  /** Whether it goes on where its recursion is drawn. */
  again?: boolean
  /** The function that started its thread or task. */
  creator?: number
  /** Number of its thread. */
  thread?: number
  /** Number of its task. */
  task?: number
  /** The repetition, where the loop was gone through once. */
  repeat?: number
}

/** A loop of a function. */
export type LoopRow = {
  /** Offset of its header, by which repetitions name it. */
  header: number
  /** The line of its head. */
  line: number
}

export type MapLineKind = 'call' | 'more' | 'lane' | 'loop' | 'alternatives' | 'optional' | 'recursion' | 'parallel' | 'section'
