import {useMemo} from 'preact/hooks'
import type {Model} from '../logic/model.ts'
import type {Rows} from '../logic/rows.ts'
import {describeTreeRows} from '../logic/treerow.ts'
import {layerTop, visibleRange} from '../logic/virtual.ts'
import type {AppState} from '../state/app.ts'
import {useReveal, useScroller} from './hooks.ts'
import {TreeRow} from './TreeRow.tsx'

export interface TreeViewProps {
  model: Model
  state: AppState
  rows: Rows
  row: number
  onChoose: (row: {call: number, stretch: string}) => void
  onToggle: (row: {call: number, stretch: string}) => void
}

const HEAD = 30

/** The call tree with values. */
export function TreeView({model, state, rows, row, onChoose, onToggle}: TreeViewProps) {
  const scroller = useScroller(rows.top[rows.length]! + 24, HEAD)
  useReveal(scroller, rows, row, state.reveal)
  const {scroll, view} = scroller
  const [from, to] = visibleRange(rows, scroll.rows, view)
  const shown = useMemo(
    () => (view === 0 ? [] : describeTreeRows({model, rows, open: state.open, chosen: state.chosen, cursor: state.cursor, found: state.hits}, from, to)),
    [model, rows, state.open, state.chosen, state.cursor, state.hits, from, to, view],
  )
  const active = shown.find((item) => item.chosen)
  return (
    <>
      <div
        ref={scroller.ref} class="tbl" onScroll={scroller.onScroll} tabIndex={0} role="tree" aria-label="Call tree"
        {...(active === undefined ? {} : {'aria-activedescendant': `row-${active.key}`})}
      >
        <div style={{height: `${scroller.box + HEAD}px`, position: 'relative'}}>
          <div class="trh" aria-hidden="true">
            <span>Call</span>
            <span title="This call and all calls below it">Calls</span>
            <span title="From start to end, against the whole run; the dark part is the call itself">Total</span>
            <span title="Without suspensions and without its callees">Self</span>
            <span>At, {model.unit}</span>
          </div>
          <div class="layer" style={{top: `${HEAD + layerTop(scroll, rows, from)}px`}}>
            {shown.map((item) => <TreeRow key={item.key} row={item} origin={rows.top[from]!} query={state.hits.query} onChoose={onChoose} onToggle={onToggle} />)}
          </div>
        </div>
      </div>
      <div class="sr" role="status" aria-live="polite">{active?.spoken ?? ''}</div>
    </>
  )
}
