/** No parent, no task. */
export const NONE = 0xffffffff
