import type {MapLine as Told} from '../gen/page.ts'

/** What a row of the map shows. */
export const LINE = {
  /** A call whose end has a row of its own. */
  call: 0,
  /** A call in one row. */
  leaf: 1,
  return: 2,
  fail: 3,
  suspended: 4,
  unfinished: 5,
  /** Calls that are not shown. */
  more: 6,
  /** Head of a loop, a recursion, or of lanes side by side. */
  block: 7,
  /** Head of a part of a block. */
  section: 8,
  /** A remark on what follows. */
  note: 9,
} as const
export type LineKind = (typeof LINE)[keyof typeof LINE]

/** A call that is open. */
export interface Frame {
  readonly fn: number
  readonly call: number
  readonly lane: number
  readonly above: Frame | null
  readonly depth: number
}

export type BlockKind = 'loop' | 'alternatives' | 'optional' | 'recursion' | 'parallel'

/** The iterations of a loop, of which one can be chosen. */
export interface Picking {
  /** Block in which the choice is made: this one, or one around it. */
  readonly key: string
  /** From 1; 0: all of them as one. */
  readonly at: number
  readonly total: number
  /** Repetition of the folded tree, or -1. */
  readonly repeat: number
  /** Whether all can be shown as one. */
  readonly hasAll: boolean
  /** The iteration to begin with; beyond 1 where the choice is made around this block. */
  readonly first: number
}

export interface Block {
  readonly key: string
  readonly kind: BlockKind
  readonly outer: Block | null
  readonly frame: Frame | null
  readonly depth: number
  readonly picking: Picking | null
}

/** A row of the map, before it has a place. */
export interface Line {
  readonly kind: LineKind
  readonly key: string
  /** Position of the function, or -1. */
  readonly fn: number
  /** The call, or the first of them; -1 where there is none. */
  readonly call: number
  /** Calls it stands for, iterations of a loop. */
  readonly times: number
  /** How often what stands around it happened. */
  readonly around: number
  /** Innermost call around it. */
  readonly frame: Frame | null
  /** The call that begins or ends here. */
  readonly own: Frame | null
  /** Fail: the outermost call that let the exception pass. */
  last: Frame | null
  readonly block: Block | null
  /** What the file tells of it, or null where the call tells itself. */
  readonly told: Told | null
  /** How it ended. */
  readonly outcome: number
  readonly lane: number
  /** Function that started its lane, or -1. */
  readonly creator: number
  /** Calls inside, those that are not shown included. */
  readonly inside: number
  /** Whether a failure is inside. */
  readonly failing: boolean
  /** Whether it is open; null: it cannot be. */
  readonly open: boolean | null
  readonly text: string
  readonly level: number
}

export interface MapLines {
  readonly lines: readonly Line[]
  readonly length: number
  /** Top of each row, and after the last the height of all. */
  readonly top: Float64Array
  readonly rowOf: ReadonlyMap<string, number>
}

/** What of the map is opened and chosen, as changes to the first picture. */
export interface MapOpen {
  /** Rows that are open where the first picture has them closed, or the other way. */
  readonly toggled: ReadonlySet<string>
  /** Chosen iterations, from 1, of blocks. */
  readonly picks: ReadonlyMap<string, number>
}

export const FIRST_MAP: MapOpen = {toggled: new Set(), picks: new Map()}
