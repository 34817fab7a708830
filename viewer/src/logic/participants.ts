import type {FunctionRow} from '../gen/page.ts'

/** A column of the map: a class or module, or several merged into their package. */
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
  names: string[]
  package: string
  merged: boolean
  calls: number
  first: number
}

/** Columns in order of first appearance, merged into packages, fewest calls first, until they fit. */
export function participants(functions: readonly FunctionRow[], fit: number): Participants {
  const drafts = new Map<string, Draft>()
  const keyOf = functions.map((row) => `${row.package}\0${row.participant}`)
  functions.forEach((row, at) => {
    const draft = drafts.get(keyOf[at]!)
    if (draft === undefined) {
      drafts.set(keyOf[at]!, {names: [row.participant], package: row.package, merged: false, calls: row.calls, first: row.first_ns})
    } else {
      draft.calls += row.calls
      draft.first = Math.min(draft.first, row.first_ns)
    }
  })
  const target = merge(drafts, Math.max(2, fit))
  const kept = [...new Set([...drafts.keys()].map((key) => target.get(key) ?? key))]
    .map((key) => [key, drafts.get(key) ?? target.drafts.get(key)!] as const)
    .sort((a, b) => a[1].first - b[1].first || (a[0] < b[0] ? -1 : 1))
  const place = new Map(kept.map(([key], at) => [key, at]))
  return {
    columns: withShorts(kept.map(([, draft]) => columnFor(draft))),
    columnOf: Uint16Array.from(keyOf, (key) => place.get(target.get(key) ?? key)!),
  }
}

interface Merged {
  get(key: string): string | undefined
  drafts: Map<string, Draft>
}

function merge(drafts: Map<string, Draft>, fit: number): Merged {
  const target = new Map<string, string>()
  const merged = new Map<string, Draft>()
  let columns = drafts.size
  const packages = new Map<string, [string, Draft][]>()
  for (const entry of drafts) {
    const list = packages.get(entry[1].package)
    if (list === undefined) packages.set(entry[1].package, [entry])
    else list.push(entry)
  }
  const candidates = [...packages]
    .filter(([, members]) => members.length > 1)
    .map(([name, members]) => ({name, members, calls: members.reduce((sum, [, draft]) => sum + draft.calls, 0)}))
    .sort((a, b) => a.calls - b.calls || (a.name < b.name ? -1 : 1))
  for (const {name, members} of candidates) {
    if (columns <= fit) break
    columns -= mergeFewest(name, members, columns - fit, target, merged)
  }
  return {get: (key) => target.get(key), drafts: merged}
}

/** Merges the least called members of a package, as many as must go. Returns how many columns that saves. */
function mergeFewest(name: string, members: [string, Draft][], tooMany: number, target: Map<string, string>, merged: Map<string, Draft>): number {
  const fewest = members.slice().sort((a, b) => a[1].calls - b[1].calls || (a[0] < b[0] ? -1 : 1)).slice(0, tooMany + 1)
  const key = `${name}\0`
  const draft: Draft = {names: [], package: name, merged: true, calls: 0, first: Number.POSITIVE_INFINITY}
  for (const [member, {names, calls, first}] of fewest) {
    target.set(member, key)
    draft.names.push(...names)
    draft.calls += calls
    draft.first = Math.min(draft.first, first)
  }
  merged.set(key, draft)
  return fewest.length - 1
}

function columnFor({names, package: above, merged, calls}: Draft): Participant {
  if (merged) {
    const dot = above.lastIndexOf('.')
    const outer = dot < 0 ? '' : `${above.slice(0, dot)}, `
    return {name: above.slice(dot + 1) || 'others', above: `${outer}${names.length} merged`, short: '', calls, members: names}
  }
  const name = names[0]!
  const inside = above !== '' && name.startsWith(`${above}.`) ? name.slice(above.length + 1) : name
  return {name: inside, above: inside === above ? '' : above, short: '', calls, members: names}
}

function withShorts(columns: Participant[]): Participant[] {
  return columns.map((column) => ({...column, short: column.name.replace(/[^\p{L}\p{N}]/gu, '').slice(0, 2)}))
}
