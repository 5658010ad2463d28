import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Hub } from "../src/hub";
import { type Layer, parseLayers } from "../src/plot/layer";
import { address, wanted } from "../src/plot/pyramid";
import { IN_FLIGHT, TileStore } from "../src/plot/tiles";
import { answerTiles, FakeModel, imageLayer, layer, replyTile } from "./fake";

let controller: AbortController;
let model: FakeModel;
let hub: Hub;
let store: TileStore;
let layers: Layer[];
const view = {};

function setLayers(...described: Record<string, unknown>[]): void {
  model.traits.layers = described;
  layers = parseLayers(described);
  store.setLayers(layers);
}

/** Lets the kernel answer one request, the last one unless told otherwise. */
function answer(which = model.tiles().at(-1)): void {
  if (which) replyTile(model, which);
}

beforeEach(() => {
  vi.useFakeTimers();
  controller = new AbortController();
  model = new FakeModel({});
  hub = new Hub(model, controller.signal, 1);
  store = new TileStore(hub, controller.signal);
  setLayers(layer(), imageLayer());
});
afterEach(() => {
  controller.abort();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("TileStore", () => {
  it("keeps at most four requests in flight and sends each once", () => {
    const wants = wanted(layers[0], 0, 0, 30, 0);
    store.want(view, wants);
    store.want(view, wants);
    expect(model.sent).toHaveLength(IN_FLIGHT);
    expect(new Set(model.sent.map(({ id }) => id)).size).toBe(IN_FLIGHT);
    answer(model.sent[0]);
    expect(store.inFlight).toBe(IN_FLIGHT);
    expect(model.sent).toHaveLength(IN_FLIGHT + 1);
    expect(store.has(wants[0])).toBe(true);
  });

  it("fetches everything in the end, also from a kernel that answers at once", () => {
    answerTiles(model);
    const wants = wanted(layers[0], 0, 0, 30, 0);
    store.want(view, wants);
    expect(wants.every(store.has)).toBe(true);
    expect(model.sent).toHaveLength(wants.length);
    expect(store.inFlight).toBe(0);
  });

  it("does not ask for what has scrolled away", () => {
    store.want(view, wanted(layers[0], 0, 0, 30, 0));
    const before = model.sent.length;
    store.want(view, [address(layers[0], 0, 40)]);
    for (const message of [...model.sent]) answer(message);
    expect(model.sent.slice(before).map(({ index }) => index)).toEqual([40]);
    store.forget(view);
    expect(store.inFlight).toBe(1);
  });

  it("takes turns between views", () => {
    store.want(view, wanted(layers[0], 0, 0, 30, 0));
    for (const message of [...model.sent]) answer(message);
    const other = {};
    store.want(other, wanted(layers[1], 0, 0, 30, 0));
    answer();
    expect(model.sent.at(-1)?.layer).toBe("spectrogram");
  });

  it("discards tiles of another revision, before and after they arrive", () => {
    const old = address(layers[0], 0, 3);
    store.want(view, [old]);
    const late = model.sent[0];
    setLayers(layer({ revision: 2 }), imageLayer());
    answer(late);
    expect(store.has(old)).toBe(false);
    store.want(view, [address(layers[0], 0, 3)]);
    expect(model.sent.at(-1)).toMatchObject({ revision: 2, index: 3 });
    answer();
    expect(store.has(address(layers[0], 0, 3))).toBe(true);
    setLayers(layer({ revision: 3 }), imageLayer());
    expect(store.has({ ...old, revision: 2 })).toBe(false);
  });

  it("waits before asking again for what was refused, and longer each time", () => {
    const changed = vi.fn();
    store.onChange(changed, controller.signal);
    store.want(view, [address(layers[0], 0, 0)]);
    model.message({ kind: "refused", id: model.sent[0].id, message: "No such tile." });
    expect(store.error("waveform")).toBe("No such tile.");
    expect(changed).toHaveBeenCalledWith("waveform");
    expect(model.sent).toHaveLength(1);
    vi.advanceTimersByTime(1100);
    expect(model.sent).toHaveLength(2);
    model.message({ kind: "refused", id: model.sent[1].id, message: "" });
    expect(store.error("waveform")).toBe("The kernel refused the request.");
    vi.advanceTimersByTime(1100);
    expect(model.sent).toHaveLength(2);
    vi.advanceTimersByTime(1100);
    expect(model.sent).toHaveLength(3);
    answer();
    expect(store.error("waveform")).toBe("");
  });

  it("gives up waiting for an answer, but takes it when it comes", () => {
    store.want(view, [address(layers[0], 0, 0)]);
    vi.advanceTimersByTime(21_000);
    expect(store.error("waveform")).toContain("No answer");
    answer(model.sent[0]);
    expect(store.has(address(layers[0], 0, 0))).toBe(true);
    expect(store.error("waveform")).toBe("");
  });

  it("survives a kernel that is gone, and one that comes back", () => {
    model.connected = false;
    store.want(view, [address(layers[0], 0, 0)]);
    expect(store.error("waveform")).toBe("The kernel is not connected.");
    expect(store.inFlight).toBe(0);
    model.connected = true;
    vi.advanceTimersByTime(1100);
    expect(model.sent).toHaveLength(1);
  });

  it("keeps 64 images and 256 curves, and never drops what is visible", () => {
    answerTiles(model);
    setLayers(layer({ hop_s: 1e-4, buckets: 1_000_000, levels: 1 }), imageLayer({ buckets: 100_000, levels: 1 }));
    const every = (l: Layer, count: number) => Array.from({ length: count }, (_, index) => address(l, 0, index));
    for (const wants of [every(layers[0], 300), every(layers[1], 100)]) {
      for (const want of wants) store.want(view, [want]);
    }
    expect(every(layers[0], 300).filter(store.has)).toHaveLength(256);
    expect(every(layers[1], 100).filter(store.has)).toHaveLength(64);
    store.want(view, every(layers[1], 100));
    expect(every(layers[1], 100).filter(store.has)).toHaveLength(100);
  });

  it("counts and ignores what it does not understand", () => {
    store.want(view, [address(layers[0], 0, 0)]);
    const { id } = model.sent[0];
    const good = { kind: "tile", id, layer: "waveform", level: 0, index: 0, revision: 1, dtype: "float32" };
    model.message("nonsense");
    model.message({ kind: "tile" });
    model.message({ kind: "done", id: "1" });
    expect(hub.malformed).toBe(3);
    // Decodes, but is no tile of this layer: too long for it.
    model.message({ ...good, shape: [4096, 1, 2], start_bucket: 0 }, new Float32Array(8192));
    expect(hub.malformed).toBe(4);
    expect(store.has(address(layers[0], 0, 0))).toBe(false);
    // Of a layer that does not exist: nobody's business.
    model.message({ ...good, id: 99, layer: "other", shape: [1, 1, 2], start_bucket: 0 }, new Float32Array(2));
    expect(hub.malformed).toBe(4);
  });

  it("is not confused by layers called like parts of an object or a path", () => {
    for (const name of ["__proto__", "constructor", "a/b/c", "</script><img onerror=x>", ""]) {
      setLayers(layer({ name }));
      store.want(view, [address(layers[0], 0, 1)]);
      answer();
      expect(store.has(address(layers[0], 0, 1))).toBe(true);
      setLayers(layer({ name, revision: 2 }));
      expect(store.has({ ...address(layers[0], 0, 1), revision: 1 })).toBe(false);
    }
  });

  it("goes on showing tiles of the revision before until the new ones are there", () => {
    answerTiles(model);
    store.want(view, wanted(layers[0], 3, 0, 100, 0));
    const old = address(layers[0], 3, 0);
    expect(store.has(old)).toBe(true);
    model.answer = undefined;
    setLayers(layer({ revision: 2 }), imageLayer());
    const next = address(layers[0], 3, 0);
    expect([store.has(next), store.shows(next)]).toEqual([false, true]);
    expect(store.get(next)?.revision).toBe(1);
    store.want(view, [next]);
    answer();
    expect(store.get(next)?.revision).toBe(2);
    setLayers(layer({ revision: 3, hop_s: 0.5 }), imageLayer());
    expect(store.shows(address(layers[0], 3, 0)), "another grid").toBe(false);
  });
});
