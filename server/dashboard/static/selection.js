const NAME = "goodput.chosen-runs";

/** Which runs are chosen for comparing; outlives a change of the page, but not the tab. */
export const chosenRuns = {
  /** @returns {string[]} */
  all: () => JSON.parse(sessionStorage.getItem(NAME) ?? "[]"),
  /** @param {string} id */
  has: (id) => chosenRuns.all().includes(id),
  /** @param {string} id @param {boolean} chosen */
  set(id, chosen) {
    const others = chosenRuns.all().filter((other) => other !== id);
    sessionStorage.setItem(NAME, JSON.stringify(chosen ? [...others, id] : others));
  },
  clear: () => sessionStorage.removeItem(NAME),
};
