import {BY_SELF, type FunctionOrder} from '../logic/functions.ts'
import {FIRST_MAP, type MapOpen} from '../logic/mapline.ts'
import type {Model} from '../logic/model.ts'
import {firstOpening, type OpenState} from '../logic/open.ts'
import {NO_HITS, type Hits} from '../logic/search.ts'

export const VIEWS = ['map', 'tree', 'functions'] as const
export type ViewName = (typeof VIEWS)[number]
export type Theme = '' | 'light' | 'dark'
export type DialogName = '' | 'keys' | 'left' | 'run'

/** Asks the view to bring the chosen row into sight; a new stamp asks again. */
export interface Reveal {
  readonly stamp: number
  readonly how: 'nearest' | 'centre'
}

/** Everything that can change while the page is open. */
export interface AppState {
  readonly view: ViewName
  /** Chosen call, or -1. */
  readonly chosen: number
  /** Row of the map, or stretch of the tree, that the keys stand on; '': the chosen call's. */
  readonly cursor: string
  /** What of the tree is open. */
  readonly open: OpenState
  readonly map: MapOpen
  readonly query: string
  readonly hits: Hits
  /** Place in the hits, or -1. */
  readonly hit: number
  readonly theme: Theme
  readonly panel: boolean
  /** Whether the panel is drawn up on a phone. */
  readonly sheet: boolean
  readonly dialog: DialogName
  readonly order: FunctionOrder
  readonly reveal: Reveal
  /** Call a link names that this file does not hold, or -1. */
  readonly missing: number
}

export function firstState(model: Model): AppState {
  return {
    view: 'map', chosen: -1, cursor: '', open: firstOpening(model), map: FIRST_MAP, query: '', hits: NO_HITS, hit: -1,
    theme: '', panel: true, sheet: false, dialog: '', order: BY_SELF, reveal: {stamp: 0, how: 'nearest'}, missing: -1,
  }
}
