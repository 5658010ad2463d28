export default {
  initialize(): void {},
  render({ model, el }: { model: { get(name: string): unknown }; el: HTMLElement }): void {
    el.textContent = String(model.get("view"));
  },
};
