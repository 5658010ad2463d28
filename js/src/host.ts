// What a widget host (JupyterLab, Notebook, VS Code, marimo...) hands to the module.

/** Bytes as hosts deliver them: Jupyter gives DataViews, others give plain buffers or arrays. */
export type Bytes = ArrayBuffer | ArrayBufferView;

export type Callback = (...args: unknown[]) => void;

export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: Callback): void;
  off(event: string, callback: Callback): void;
}

export interface InitializeProps {
  model: Model;
  signal?: AbortSignal | undefined;
}

/** Another widget of the same page. */
export interface OtherWidget {
  render(place: { el: HTMLElement; signal?: AbortSignal }): Promise<void>;
}

/** What a host offers to widgets that hold others; anywidget has it from 0.11 on. */
export interface Host {
  getWidget(reference: string): Promise<OtherWidget>;
}

export interface RenderProps extends InitializeProps {
  el: HTMLElement;
  host?: Host | undefined;
}
