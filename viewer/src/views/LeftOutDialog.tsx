import type {PageData} from '../gen/page.ts'
import {count, counted, duration} from '../lib/format.ts'
import {visible} from '../lib/text.ts'
import {sentence} from '../logic/runfacts.ts'
import {Dialog} from './Dialog.tsx'

/** Whether the trace is whole, and what this file does not hold, with exact counts. */
export function LeftOutDialog({page, onClose}: {page: PageData, onClose: () => void}) {
  const {run} = page
  const held = run.held_calls === run.calls ? `All ${counted(run.calls, 'call')} are in this file.` : `${count(run.held_calls)} of ${counted(run.calls, 'call')} are in this file.`
  return (
    <Dialog title="What was left out" onClose={onClose}>
      <p>{sentence(visible(run.verdict))} {held}</p>
      {run.left_out.length > 0 && (
        <ul class="left">
          {run.left_out.map(({reason, line, advice}) => <li key={reason}><bdi>{visible(line)}</bdi>{advice !== '' && <span class="mut">{sentence(advice).split('`').map((text, at) => at % 2 === 0 ? text : <code key={text}>{text}</code>)}</span>}</li>)}
        </ul>
      )}
      {run.degraded && <p class="mut">Frames were read through Python’s public API, because they do not lie where this version of execmap knows them. What is here is exact.</p>}
      {run.waited_ns > 0 && <p class="mut">The program waited {duration(run.waited_ns)} in all for its trace to be written.</p>}
    </Dialog>
  )
}
