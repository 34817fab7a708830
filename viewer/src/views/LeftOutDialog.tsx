import type {PageData} from '../gen/page.ts'
import {count, counted} from '../lib/format.ts'
import {visible} from '../lib/text.ts'
import {Dialog} from './Dialog.tsx'
import {isWhole} from './TopBar.tsx'

/** What this file does not hold, with exact counts. */
export function LeftOutDialog({page, onClose}: {page: PageData, onClose: () => void}) {
  const {run} = page
  return (
    <Dialog title="What was left out" onClose={onClose}>
      <p>{isWhole(page) ? `All ${counted(run.calls, 'call')} are in this file.` : `${count(run.held_calls)} of ${counted(run.calls, 'call')} are in this file.`}
        {run.recovered && ' Recovered: the program was killed; everything up to then is here.'}</p>
      {run.left_out.length === 0 ? <p>Nothing was left out.</p> : (
        <dl>
          {run.left_out.map(({reason, count: times, detail}) => [
            <dt key={`n${reason}`}>{count(times)}</dt>,
            <dd key={`r${reason}`}>{visible(reason).replaceAll('_', ' ')}{detail.length > 0 && ': '}{detail.map((text, at) => <span key={text}>{at > 0 && ', '}<code>{visible(text)}</code></span>)}</dd>,
          ])}
        </dl>
      )}
    </Dialog>
  )
}
