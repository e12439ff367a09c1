// Keys of the page: sent to the server unless something that needs them has the focus.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector(".q-dialog, .q-menu")) return;
  const at = event.target;
  if (at.closest?.("input, textarea, select, [role=slider], [role=listbox], [role=combobox], [contenteditable]")) return;
  const press = event.key === " " || event.key === "Enter";
  if (press && at.closest?.("button, a, [role=button], [role=checkbox], [role=radio]")) return;
  const keys = [" ", "ArrowRight", "ArrowLeft", "Home", "End", "r", "s", "l", "+", "-", "?", "0", "1", "2", "3", "4", "5", "6", "7"];
  if (!keys.includes(event.key)) return;
  event.preventDefault();
  emitEvent("page_key", event.key);
});
