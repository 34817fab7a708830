import type {FunctionRow, MapLine} from '../gen/page.ts'

/** A column of the map: a class or module, or several merged into what they belong to. */
export interface Participant {
  readonly name: string
  /** Shown small above the name. */
  readonly above: string
  /** Two letters for narrow screens. */
  readonly short: string
  readonly calls: number
  /** All that is drawn here, for its title. */
  readonly members: readonly string[]
}

export interface Participants {
  readonly columns: readonly Participant[]
  /** Column of each function. */
  readonly columnOf: Uint16Array
}

interface Draft {
  readonly name: string
  /** The module of a class, the package of a module; '' when there is none. */
  readonly home: string
  /** The script itself: no home of others, though a package may bear its name. */
  readonly isScript: boolean
  readonly members: readonly string[]
  readonly calls: number
  readonly first: number
  readonly functions: readonly number[]
  /** What tells the participants in it apart from others. */
  readonly keys: readonly string[]
}

/** Columns of functions, in the order of their first appearance; with how many calls of each are shown. */
export type ShownFunctions = ReadonlyMap<number, number>

/**
 * Columns in order of first appearance; what is shown least is merged into its module or package until all fit.
 * Functions that are opened `later` get columns at the right while there is room; then they join their home's, which gets one beside these,
 * and in the end that of what is around their home. So no column moves.
 */
export function participants(functions: readonly FunctionRow[], shown: ShownFunctions, later: Iterable<number>, fit: number): Participants {
  const drafts = new Map<string, Draft>()
  const draftOf = (at: number, calls: number): Draft => {
    const {participant, package: home, module} = functions[at]!
    const isScript = module === '__main__'
    return {name: participant, home, isScript, members: [participant], calls, first: drafts.size, functions: [at], keys: [`${home}\0${participant}\0${isScript}`]}
  }
  for (const [at, calls] of shown) {
    const draft = draftOf(at, calls)
    const key = draft.keys[0]!
    const known = drafts.get(key)
    drafts.set(key, known === undefined ? draft : {...joined(known, draft), members: known.members, keys: known.keys})
  }
  let columns = [...drafts.values()]
  while (columns.length > Math.max(2, fit)) {
    const merge = nextMerge(columns)
    if (merge === null) break
    const [first, ...others] = merge.members
    const draft = others.reduce(joined, first)
    columns = [...columns.filter((column) => !merge.members.includes(column)), {...draft, name: merge.home, home: outer(merge.home), isScript: false}]
  }
  columns.sort((a, b) => a.first - b.first)
  for (const at of later) {
    if (shown.has(at)) continue
    const draft = draftOf(at, 1)
    const known = columns.findIndex(({keys}) => keys.includes(draft.keys[0]!))
    const place = known >= 0 || columns.length < fit ? known : homeOf(columns, draft.home, columns.length < fit + BESIDE)
    if (place < 0) columns.push({...draft, ...(columns.length < fit || draft.home === '' ? {} : {name: draft.home, home: outer(draft.home), isScript: false}), first: columns.length})
    else columns[place] = {...joined(columns[place]!, draft), members: known >= 0 ? columns[place]!.members : [...columns[place]!.members, ...draft.members]}
  }
  const columnOf = new Uint16Array(functions.length)
  columns.forEach((draft, column) => {
    for (const at of draft.functions) columnOf[at] = column
  })
  return {columns: columns.map(columnFor), columnOf}
}

/** Columns that homes get beyond those that fit; they are scrolled to. */
const BESIDE = 4

/** The column that bears the name of the home, or else of what is around it; -1 where none does. */
function homeOf(columns: readonly Draft[], home: string, isExact: boolean): number {
  for (let at = home; at !== ''; at = isExact ? '' : outer(at)) {
    const found = columns.findIndex(({name, isScript}) => name === at && !isScript)
    if (found >= 0) return found
  }
  return -1
}

/** Functions of the first picture, and how many rows are theirs. */
export function firstFunctions(map: readonly MapLine[]): Map<number, number> {
  const found = new Map<number, number>()
  for (let at = 0; at < map.length;) {
    const line = map[at]!
    for (const fn of [line.creator, line.function]) if (fn !== undefined) found.set(fn, (found.get(fn) ?? 0) + (fn === line.function ? 1 : 0))
    at += line.open === true ? 1 : 1 + (line.inside ?? 0)
  }
  return found
}

interface Merge {
  readonly home: string
  readonly members: readonly [Draft, ...Draft[]]
}

/**
 * What is merged next: innermost homes first, classes before modules before packages; there the two least called,
 * one of them the home itself where it has a column. A column alone in its home takes the home's name, and may find others there.
 */
function nextMerge(columns: readonly Draft[]): Merge | null {
  const groups = new Map<string, Draft[]>()
  for (const draft of columns) if (draft.home !== '') groups.set(draft.home, [...(groups.get(draft.home) ?? []), draft])
  const homes = new Map(columns.filter(({isScript}) => !isScript).map((draft) => [draft.name, draft]))
  let best: Merge | null = null
  let least: readonly number[] = []
  for (const [home, drafts] of groups) {
    const [first, next] = drafts.sort(byCalls)
    const second = homes.get(home) ?? next
    const rank = [-home.split('.').length, second === undefined ? 1 : 0, first!.calls + (second?.calls ?? 0)]
    if (best !== null && !isBefore(rank, least)) continue
    least = rank
    best = {home, members: second === undefined ? [first!] : [second, first!]}
  }
  return best
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, place) => value !== b[place])
  return at >= 0 && a[at]! < b[at]!
}

function byCalls(a: Draft, b: Draft): number {
  return a.calls - b.calls || (a.name < b.name ? -1 : 1)
}

function joined(a: Draft, b: Draft): Draft {
  return {
    ...a, members: [...a.members, ...b.members], calls: a.calls + b.calls,
    first: Math.min(a.first, b.first), functions: [...a.functions, ...b.functions], keys: [...a.keys, ...b.keys],
  }
}

function outer(dotted: string): string {
  return dotted.slice(0, Math.max(0, dotted.lastIndexOf('.')))
}

function columnFor({name: full, home, isScript, members, calls}: Draft): Participant {
  const name = home !== '' && full.startsWith(`${home}.`) ? full.slice(home.length + 1) : full
  const merged = members.length > 1 ? `${members.length} merged` : ''
  return {
    name, above: [isScript ? 'script' : home === full ? '' : home, merged].filter(Boolean).join(', '), calls, members,
    short: name.replace(/[^\p{L}\p{N}]/gu, '').slice(0, 2),
  }
}
