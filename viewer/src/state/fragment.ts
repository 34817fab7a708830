import {FUNCTION_COLUMNS, BY_SELF, type FunctionColumn} from '../logic/functions.ts'
import {FIRST_MAP, type MapOpen} from '../logic/mapline.ts'
import type {Model} from '../logic/model.ts'
import type {OpenState} from '../logic/open.ts'
import {asked, find, goTo} from './actions.ts'
import {VIEWS, type AppState, type ViewName} from './app.ts'

/** Most changes to the first opening that a link carries. */
const CHANGES = 60

/** The state as a link's fragment: `map&sel=c-12&row=o8&rows=o4.c77&it=o8:417&open=4.9&fold=2&part=40-90&q=x&sort=calls-up&theme=dark`. */
export function toFragment(state: AppState, first: OpenState): string {
  const parts: string[] = [state.view]
  if (state.chosen >= 0) parts.push(`sel=c-${state.chosen}`)
  if (state.view === 'map' && state.cursor !== '') parts.push(`row=${state.cursor}`)
  const {toggled, picks} = state.map
  if (toggled.size > 0 && toggled.size <= CHANGES) parts.push(`rows=${[...toggled].join('.')}`)
  if (picks.size > 0 && picks.size <= CHANGES) parts.push(`it=${[...picks].map(([key, at]) => `${key}:${at}`).join('.')}`)
  const changes = changesTo(state.open, first)
  if (changes !== null) {
    if (changes.open.length > 0) parts.push(`open=${changes.open.join('.')}`)
    if (changes.fold.length > 0) parts.push(`fold=${changes.fold.join('.')}`)
    if (changes.parts.length > 0) parts.push(`part=${changes.parts.join('.')}`)
  }
  if (state.query !== '') parts.push(`q=${encodeURIComponent(state.query)}`)
  if (state.order !== BY_SELF && (state.order.column !== BY_SELF.column || state.order.down !== BY_SELF.down)) {
    parts.push(`sort=${state.order.column}-${state.order.down ? 'down' : 'up'}`)
  }
  if (!state.panel) parts.push('panel=off')
  if (state.theme !== '') parts.push(`theme=${state.theme}`)
  return parts.join('&')
}

/** The first state changed by a fragment. What it cannot read it leaves as it is. */
export function fromFragment(model: Model, first: AppState, fragment: string): AppState {
  const [view = '', ...pairs] = fragment.replace(/^#/, '').split('&')
  const values = new Map(pairs.map((pair) => {
    const at = pair.indexOf('=')
    return at < 0 ? [pair, ''] as const : [pair.slice(0, at), decoded(pair.slice(at + 1))] as const
  }))
  let state: AppState = {...first, view: isView(view) ? view : first.view}
  state = {...state, open: openFrom(model, first.open, values), map: mapFrom(values), panel: values.get('panel') !== 'off'}
  const theme = values.get('theme')
  if (theme === 'light' || theme === 'dark') state = {...state, theme}
  const [column, direction] = (values.get('sort') ?? '').split('-')
  if (FUNCTION_COLUMNS.includes(column as FunctionColumn)) state = {...state, order: {column: column as FunctionColumn, down: direction !== 'up'}}
  const query = values.get('q') ?? ''
  if (query !== '') state = find(model, state, query)
  const chosen = /^c-(\d+)$/.exec(values.get('sel') ?? '')
  const row = values.get('row') ?? ''
  const hasRow = state.view === 'map' && ROW.test(row)
  if (chosen === null) return hasRow ? asked({...state, cursor: row}, 'centre') : state
  const call = Number(chosen[1])
  if (call >= model.tree.length) return {...state, missing: call}
  return hasRow ? asked({...state, chosen: call, cursor: row}, 'centre') : goTo(model, state, call)
}

/** Key of a row of the map. */
const ROW = /^([ocm]\d+|l\d+-\d+)$/

function mapFrom(values: ReadonlyMap<string, string>): MapOpen {
  const list = (key: string) => (values.get(key) ?? '').split('.').filter(Boolean)
  const picks = list('it').map((pick) => pick.split(':') as [string, string]).filter(([key, at]) => ROW.test(key) && /^\d+$/.test(at))
  const toggled = list('rows').filter((key) => ROW.test(key))
  return toggled.length + picks.length === 0 ? FIRST_MAP : {toggled: new Set(toggled), picks: new Map(picks.map(([key, at]) => [key, Number(at)]))}
}

interface Changes {
  open: number[]
  fold: number[]
  parts: string[]
}

function changesTo(open: OpenState, first: OpenState): Changes | null {
  const changes: Changes = {open: [], fold: [], parts: [...open.stretches].filter((key) => !first.stretches.has(key))}
  let total = changes.parts.length
  if (open.calls !== first.calls) {
    for (let call = 0; call < open.calls.length && total <= CHANGES; call++) {
      if (open.calls[call] === first.calls[call]) continue
      ;(open.calls[call] === 1 ? changes.open : changes.fold).push(call)
      total++
    }
  }
  return total > CHANGES ? null : changes
}

function openFrom(model: Model, first: OpenState, values: ReadonlyMap<string, string>): OpenState {
  const numbers = (key: string) => (values.get(key) ?? '').split('.').filter(Boolean).map(Number).filter((call) => call >= 0 && call < model.tree.length)
  const [opened, folded] = [numbers('open'), numbers('fold')]
  const parts = (values.get('part') ?? '').split('.').filter((key) => /^\d+-\d+$/.test(key))
  if (opened.length + folded.length + parts.length === 0) return first
  const calls = first.calls.slice()
  for (const call of opened) calls[call] = 1
  for (const call of folded) calls[call] = 0
  return {calls, stretches: new Set([...first.stretches, ...parts])}
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function isView(name: string): name is ViewName {
  return VIEWS.includes(name as ViewName)
}
