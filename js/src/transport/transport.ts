// Transport: the sound of a model, and any number of views of it.

import { make } from "../dom";
import type { Model } from "../host";
import type { Hub } from "../hub";
import { followPlayhead } from "../playhead";
import { onModel } from "../scope";
import { SoundEngine } from "./engine";
import { parseMedia } from "./media";
import { TransportView } from "./view";

export interface TransportModel {
  render(model: Model, root: HTMLElement, signal: AbortSignal): void;
}

export function createTransport(model: Model, hub: Hub, signal: AbortSignal): TransportModel {
  const playhead = followPlayhead(model, hub, signal);
  if (!playhead) throw new Error("its session has no playhead");
  const engine = new SoundEngine(make("audio"), playhead, model, hub, signal);
  const read = () => engine.setMedia(parseMedia(model.get("media")));
  onModel(model, "change:media", read, signal);
  read();
  return {
    render(view, root, life) {
      new TransportView(view, playhead, engine, root, life);
    },
  };
}
