import {count, counted} from '../lib/format.ts'
import type {Hits} from '../logic/search.ts'
import {VIEWS, type ViewName} from '../state/app.ts'

const NAMES: Record<ViewName, string> = {map: 'Map', tree: 'Tree', functions: 'Functions'}

export interface ViewBarProps {
  view: ViewName
  note: string
  hits: Hits
  hit: number
  canFold: boolean
  onView: (view: ViewName) => void
  onHit: (by: 1 | -1) => void
  onFold: () => void
  onFirst: () => void
}

/** The views and, at the right, what the view shows or what was found. */
export function ViewBar({view, note, hits, hit, canFold, onView, onHit, onFold, onFirst}: ViewBarProps) {
  const total = hits.calls.length
  return (
    <nav class="bar" aria-label="Views">
      <div class="tabs" role="tablist">
        {VIEWS.map((name, at) => (
          <button key={name} role="tab" aria-selected={name === view} tabIndex={name === view ? 0 : -1} onClick={() => onView(name)} onKeyDown={(event) => {
            const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
            if (by === 0) return
            event.preventDefault()
            event.stopPropagation()
            const next = VIEWS[(at + by + VIEWS.length) % VIEWS.length]!
            onView(next)
            ;(event.currentTarget.parentElement?.children[VIEWS.indexOf(next)] as HTMLElement).focus()
          }}>{NAMES[name]} <kbd>{at + 1}</kbd></button>
        ))}
      </div>
      <div class="tb">
        {hits.query === '' ? <span class="note">{note}</span> : (
          <>
            <code class="hit find">{hits.query}</code>
            <span class="note" role="status">{total === 0 ? `No call matches` : counted(total, 'call')}</span>
            <button disabled={total === 0} aria-label="Previous hit" title="Previous hit (N)" onClick={() => onHit(-1)}>‹</button>
            <span>{hit < 0 ? '–' : count(hit + 1)} of {count(total)}</span>
            <button disabled={total === 0} aria-label="Next hit" title="Next hit (n)" onClick={() => onHit(1)}>›</button>
          </>
        )}
        {canFold && <span class="sep" />}
        {canFold && <button class="wide" title="Back to the first picture" onClick={onFirst}>First picture</button>}
        {canFold && <button class="wide" onClick={onFold}>Fold all</button>}
      </div>
    </nav>
  )
}
