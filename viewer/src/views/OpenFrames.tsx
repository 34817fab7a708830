import {openFrames} from '../logic/context.ts'
import type {MapLines} from '../logic/mapline.ts'
import type {Model} from '../logic/model.ts'

/** The open calls whose own rows are scrolled away: the innermost three and how many more. */
export function OpenFrames({model, rows, top, onGo}: {model: Model, rows: MapLines, top: number, onGo: (call: number) => void}) {
  const {calls, more} = openFrames(model, rows, top)
  if (calls.length === 0) return null
  return (
    <nav class="context path" aria-label="Inside of">
      <span class="mut">in</span>
      {more !== '' && <span class="mut">{more}</span>}
      {calls.map(({call, name}) => <span key={call}>{call < 0 || call >= model.calls.length ? name : <button onClick={() => onGo(call)}>{name}</button>}</span>)}
    </nav>
  )
}
