// Both ends of the wire against the same files: tiles written by the Python side are read here, and what this side
// sends is kept in requests.json, which the Python side reads. UPDATE_CONTRACT=1 writes the latter anew.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeTile } from "../src/codec";
import { Hub } from "../src/hub";
import { commandRequest, exploreRequest, pieceRequest, playheadRequest, soundRequest } from "../src/messages";
import { Actions } from "../src/panel/actions";
import { parseLayers } from "../src/plot/layer";
import { address } from "../src/plot/pyramid";
import { TileStore } from "../src/plot/tiles";
import { FakeModel, imageLayer, layer, replyTile } from "./fake";

const FOLDER = join(import.meta.dirname, "..", "..", "tests", "contract");
const REQUESTS = join(FOLDER, "requests.json");

const tiles = existsSync(FOLDER)
  ? readdirSync(FOLDER).filter((name) => name.startsWith("tile_") && name.endsWith(".json"))
  : [];

describe.skipIf(tiles.length === 0)("tiles from the kernel", () => {
  it.each(tiles)("%s is read as it was written", (name) => {
    const content = JSON.parse(readFileSync(join(FOLDER, name), "utf8"));
    const bytes = readFileSync(join(FOLDER, name.replace(/json$/, "bin")));
    // As Jupyter hands it over: a view somewhere in the buffer of a whole message.
    const message = new Uint8Array(bytes.length + 13);
    message.set(bytes, 13);
    const tile = decodeTile(content, [new DataView(message.buffer, 13, bytes.length)]);
    expect(tile).toMatchObject({
      layer: content.layer,
      level: content.level,
      index: content.index,
      revision: content.revision,
      dtype: content.dtype,
      start: content.start_bucket,
      buckets: content.shape[0],
    });
    expect(content.expect.length).toBeGreaterThan(0);
    for (const [...sample] of content.expect) {
      const expected = sample.pop();
      const at = sample.reduce(
        (offset: number, index: number, axis: number) => offset * content.shape[axis] + index,
        0,
      );
      const value = tile?.data[at];
      if (expected === null) expect(value).toBeNaN();
      else expect(value).toBeCloseTo(expected, content.dtype === "float64" ? 9 : 5);
    }
  });
});

const COMMANDS: [string, string, string[]?][] = [
  ["regenerate", "group-1", ["row-1", "row-2"]],
  ["regenerate_all", ""],
  ["dismiss", "group-1", ["row-1"]],
  ["restore", "group-1"],
  ["delete", ""],
  ["compute", "group-1"],
  ["stop", "group-1"],
  ["cancel", "regeneration-1"],
  ["retry", "regeneration-1"],
  ["dismiss_banner", ""],
  ["resync", ""],
];

/** Everything this side ever sends, made by the code that sends it. */
function requests(): unknown[] {
  const controller = new AbortController();
  const layers = [layer(), imageLayer(), layer({ name: 'a "b" </script> ü\u2028', kind: "curve" })];
  const model = new FakeModel({ layers });
  const hub = new Hub(model, controller.signal, 1);
  const store = new TileStore(hub, controller.signal);
  const parsed = parseLayers(layers);
  store.setLayers(parsed);
  store.want(
    {},
    parsed.flatMap((item) => [address(item, item.levels - 1, 0), address(item, 0, 3)]),
  );
  for (let k = 0; k < 2; k++) replyTile(model, model.sent[k]);
  const actions = new Actions(hub, controller.signal, () => {});
  actions.send("1", "stop", "track-1");
  actions.send("2", "restart", "track-1");
  actions.send("3", "reanalyze", "track-1", ["rms", "spectrogram"]);
  actions.send("4", "clear", 'track "ü" </script>');
  actions.send("5", "refresh_stale", "track-1");
  actions.send("6", "compute", "track-1");
  hub.post(playheadRequest(11, "play", { time_s: 1.5 }, true));
  hub.post(playheadRequest(12, "pause", { time_s: 2 }, true));
  hub.post(playheadRequest(13, "seek", { time_s: -0.25 }));
  hub.post(playheadRequest(14, "rate", { rate: 0.5 }));
  hub.post(playheadRequest(15, "loop", { loop: [1, 2.5] }));
  hub.post(playheadRequest(16, "loop", { loop: null }, true));
  hub.post(playheadRequest(17, "sync", {}));
  hub.post(pieceRequest(18, "abc-wave", 3));
  hub.post(soundRequest(19, "hello", "page-1", ""));
  hub.post(soundRequest(20, "unreachable", "page-1", "abc-file"));
  hub.post(soundRequest(21, "unplayable", "page-1", "abc-wave"));
  for (const [verb, target, rows] of COMMANDS) hub.post(commandRequest(hub.nextId() + 17, verb, target, rows));
  hub.post(exploreRequest(50, "mfcc", { n_mfcc: 13, fmax: null, ü: 0.5 }, { window: "hann", hop_size: 256 }));
  hub.post(exploreRequest(51, "rms", {}, {}));
  controller.abort();
  return JSON.parse(JSON.stringify(model.sent));
}

describe("requests to the kernel", () => {
  it.runIf(process.env.UPDATE_CONTRACT === "1")("are written down", () => {
    const lines = requests().map((message) => ` ${JSON.stringify(message)}`);
    writeFileSync(REQUESTS, `[\n${lines.join(",\n")}\n]\n`);
  });

  it("are those that were agreed on", () => {
    expect(requests()).toEqual(JSON.parse(readFileSync(REQUESTS, "utf8")));
  });
});
