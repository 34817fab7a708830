import type {PageData} from '../gen/page.ts'
import {visible} from '../lib/text.ts'

/** Nothing recorded: what happened and what to do. */
export function Empty({page}: {page: PageData}) {
  const {run} = page
  if (run.calls > 0) {
    return <div class="empty"><h2>No call is in this file.</h2><p><code>execmap view {visible(run.trace)}</code> shows them</p></div>
  }
  return (
    <div class="empty">
      <h2>No calls were recorded.</h2>
      <p>No code of the project ran. To record other files:</p>
      <p><code>execmap run --include 'lib/*' {visible(run.command)}</code></p>
    </div>
  )
}
