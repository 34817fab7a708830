import {bytes, count, duration, moment} from '../lib/format.ts'
import type {Model} from '../logic/model.ts'
import {statusPath} from '../logic/panel.ts'

/** The path to the chosen call, each part a link. */
export function StatusLine({model, chosen, narrow, onGo}: {model: Model, chosen: number, narrow: boolean, onGo: (call: number) => void}) {
  const {run} = model.page
  const path = chosen < 0 ? null : statusPath(model, chosen, narrow ? 2 : 6)
  return (
    <div class="status">
      {path === null ? <span class="path mut">Nothing chosen</span> : (
        <nav class="path" aria-label="Path to the chosen call">
          {!narrow && <span>{path.lane}</span>}
          {path.hidden > 0 && !narrow && <span class="mut">{count(path.hidden)} more</span>}
          {path.calls.map(({call, name}) => call === chosen
            ? <span key={call} class="now">{name}</span>
            : <span key={call}><button onClick={() => onGo(call)}>{name}</button></span>)}
        </nav>
      )}
      <span class="sp" />
      {chosen >= 0 && <span class="mut opt">{moment(model.calls.start[chosen]!, model.unit, 3)} {model.unit} of {duration(run.duration_ns)}</span>}
      <span class="mut opt">{run.held_calls < run.calls ? `this file holds the first ${count(run.held_calls)} of ${count(run.calls)} calls` : `this file holds the whole run, ${bytes(run.bytes)}`}</span>
      <span class="mut opt"><kbd>?</kbd> keys</span>
    </div>
  )
}
