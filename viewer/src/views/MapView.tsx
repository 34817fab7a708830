import {useMemo} from 'preact/hooks'
import {columnX, columnsFitting, geometry} from '../logic/geometry.ts'
import type {Lanes} from '../logic/lanes.ts'
import type {MapLines, Picking} from '../logic/mapline.ts'
import {describeMapRows, type MapRowView} from '../logic/maprow.ts'
import type {Model} from '../logic/model.ts'
import {firstFunctions, participants} from '../logic/participants.ts'
import {layerTop, visibleRange} from '../logic/virtual.ts'
import type {AppState} from '../state/app.ts'
import {Heads} from './Heads.tsx'
import {useReveal, useRevealSideways, useScroller} from './hooks.ts'
import {MapRow} from './MapRow.tsx'
import {Minimap} from './Minimap.tsx'
import {OpenFrames} from './OpenFrames.tsx'

export interface MapViewProps {
  model: Model
  state: AppState
  rows: MapLines
  row: number
  lanes: Lanes
  narrow: boolean
  onChoose: (row: MapRowView) => void
  onToggle: (row: MapRowView) => void
  onPick: (picking: Picking, at: number) => void
  onGo: (call: number) => void
}

/** The run as a sequence diagram. */
export function MapView({model, state, rows, row, lanes, narrow, onChoose, onToggle, onPick, onGo}: MapViewProps) {
  const head = narrow ? 28 : 46
  const height = rows.top[rows.length]! + 40
  const scroller = useScroller(height, head)
  const {width, view, scroll} = scroller
  const fit = columnsFitting(width || 1000, lanes.rails, narrow)
  const first = useMemo(() => firstFunctions(model.page.map), [model])
  const {columns, columnOf} = useMemo(() => participants(model.page.functions, first, shownFunctions(rows), fit), [model, first, rows, fit])
  const measures = useMemo(() => geometry(width, columns.length, lanes.rails, narrow), [width, columns.length, lanes, narrow])
  useReveal(scroller, rows, row, state.reveal)

  const [from, to] = visibleRange(rows, scroll.rows, view)
  const shown = useMemo(
    () => (width === 0 ? [] : describeMapRows({model, rows, columnOf, columns: columns.length, geometry: measures, lanes, chosen: state.chosen, cursor: state.cursor, hits: state.hits}, from, to)),
    [model, rows, columnOf, columns.length, measures, lanes, state.chosen, state.cursor, state.hits, from, to],
  )
  const chosenColumn = state.chosen < 0 ? -1 : columnOf[model.calls.function[state.chosen]!]!
  const active = shown.find((item: MapRowView) => item.chosen)
  useRevealSideways(scroller, measures.width, active === undefined ? -1 : active.label.x, state.reveal)
  const isTaller = height > view
  return (
    <>
      <div
        ref={scroller.ref} class={measures.width > width ? 'map wideview' : 'map'} onScroll={scroller.onScroll}
        tabIndex={0} role="tree" aria-label="Map of the run, a sequence diagram" {...(active === undefined ? {} : {'aria-activedescendant': `row-${active.key}`})}
      >
        <div class="mapin" style={{height: `${scroller.box + head}px`, width: `${measures.width}px`}}>
          <div class="behind" aria-hidden="true">{columns.map((column, at) => <i key={column.name} style={{left: `${columnX(measures, at)}px`, height: `${view}px`}} />)}</div>
          <Heads columns={columns} geometry={measures} lanes={lanes} chosen={chosenColumn} />
          <div class="layer" style={{top: `${head + layerTop(scroll, rows, from)}px`}}>
            {shown.map((item) => <MapRow key={item.key} model={model} row={item} origin={rows.top[from]!} query={state.hits.query} onChoose={onChoose} onToggle={onToggle} onPick={onPick} />)}
          </div>
        </div>
      </div>
      <OpenFrames model={model} rows={rows} top={scroll.rows} onGo={onGo} />
      {isTaller && !narrow && <Minimap rows={rows} columnOf={columnOf} columns={columns.length} top={scroll.rows} view={view} onScroll={scroller.scrollTo} />}
      <div class="sr" role="status" aria-live="polite">{active?.spoken ?? ''}</div>
    </>
  )
}

/** Functions of rows, those that started lanes among them. */
function shownFunctions({lines}: MapLines): Set<number> {
  const found = new Set<number>()
  for (const {fn, creator} of lines) {
    if (creator >= 0) found.add(creator)
    if (fn >= 0) found.add(fn)
  }
  return found
}
