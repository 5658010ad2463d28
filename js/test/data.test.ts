import { describe, expect, it } from "vitest";
import { decodeTile, type ImageTile, type RangeTile, type Tile } from "../src/codec";
import type { TileAddress } from "../src/messages";
import { type COLOUR_MAPS, colourOf, coloursOf, cssColour, PIXELS, PLAIN, pixelsOf } from "../src/plot/colormap";
import { columns, points } from "../src/plot/extremes";
import { colourTile } from "../src/plot/image";
import { type Layer, parseLayer } from "../src/plot/layer";
import { address, cover } from "../src/plot/pyramid";
import { readout } from "../src/plot/readout";
import { rowRanges, verticalAxis } from "../src/plot/vertical";
import { imageLayer, layer } from "./fake";

const header = (overrides = {}) => ({
  kind: "tile",
  id: 1,
  layer: "waveform",
  level: 0,
  index: 0,
  revision: 1,
  dtype: "float32",
  shape: [2, 1, 2],
  start_bucket: 0,
  ...overrides,
});
const four = new Float32Array([-1, 1, Number.NaN, 0.5]);

describe("decodeTile", () => {
  it("reads floats and bytes, wherever they start in their buffer", () => {
    const tile = decodeTile(header(), [four.buffer]) as RangeTile;
    expect(tile).toMatchObject({ dtype: "float32", buckets: 2, channels: 1, start: 0, level: 0 });
    expect([...tile.data]).toEqual([-1, 1, Number.NaN, 0.5]);
    const odd = new Uint8Array(17);
    odd.set(new Uint8Array(four.buffer), 1);
    const shifted = decodeTile(header(), [new DataView(odd.buffer, 1, 16)]) as RangeTile;
    expect([...shifted.data]).toEqual([-1, 1, Number.NaN, 0.5]);
    const image = decodeTile(header({ dtype: "uint8", shape: [2, 3] }), [new Uint8Array(6).fill(7)]) as ImageTile;
    expect(image).toMatchObject({ dtype: "uint8", buckets: 2, rows: 3 });
    expect([...image.data]).toEqual([7, 7, 7, 7, 7, 7]);
  });

  it.each([
    ["no message", null, [four.buffer]],
    ["another kind", header({ kind: "tiles" }), [four.buffer]],
    ["a layer that is no string", header({ layer: 3 }), [four.buffer]],
    ["no buffer", header(), []],
    ["no buffers", header(), undefined],
    ["a buffer that is none", header(), ["AAAA"]],
    ["too few bytes", header(), [four.buffer.slice(4)]],
    ["too many bytes", header({ shape: [1, 1, 2] }), [four.buffer]],
    ["an unknown type", header({ dtype: "float64" }), [four.buffer]],
    ["bytes in the shape of floats", header({ dtype: "uint8", shape: [2, 4, 2] }), [four.buffer]],
    ["floats in the shape of bytes", header({ shape: [2, 2] }), [four.buffer]],
    ["more than two bounds", header({ shape: [1, 1, 4] }), [four.buffer]],
    ["no buckets", header({ shape: [0, 1, 2] }), [new ArrayBuffer(0)]],
    ["a negative size", header({ shape: [-2, -1, 2] }), [four.buffer]],
    ["a broken size", header({ shape: [2.5, 1, 2] }), [four.buffer]],
    ["a shape that is no list", header({ shape: "212" }), [four.buffer]],
    ["a negative level", header({ level: -1 }), [four.buffer]],
    ["no id", header({ id: undefined }), [four.buffer]],
    ["a fractional index", header({ index: 0.5 }), [four.buffer]],
    ["a revision that is no number", header({ revision: "1" }), [four.buffer]],
  ])("refuses %s", (_, content, buffers) => {
    expect(decodeTile(content, buffers as ArrayBuffer[])).toBeNull();
  });
});

/** Tiles of a layer from a function of bucket and channel. */
function source(l: Layer, level: number, value: (bucket: number, channel: number) => [number, number]) {
  const channels = Math.max(1, l.channels.length);
  return (of: TileAddress): Tile | undefined => {
    if (of.level !== level) return undefined;
    const start = of.index * l.tile_buckets;
    const buckets = Math.min(l.tile_buckets, Math.ceil(l.buckets / l.factor ** level) - start);
    const data = new Float32Array(buckets * channels * 2);
    for (let b = 0; b < buckets; b++) {
      for (let c = 0; c < channels; c++) data.set(value(start + b, c), (b * channels + c) * 2);
    }
    return { ...of, id: 0, start, buckets, channels, dtype: "float32", data };
  };
}

describe("columns", () => {
  const l = parseLayer(layer({ buckets: 64, hop_s: 0.5, tile_buckets: 16, channels: ["a"], levels: 1 })) as Layer;
  const get = source(l, 0, (bucket) => [-bucket, bucket]);
  const all = (t0: number, t1: number) => cover(l, 0, t0, t1, (of) => get(of) !== undefined);

  it("hold the extremes of all buckets behind them", () => {
    const { low, high } = columns(l, all(0, 32), get, 0, 0, 32, 8);
    expect([...high]).toEqual([7, 15, 23, 31, 39, 47, 55, 63]);
    expect([...low]).toEqual([-7, -15, -23, -31, -39, -47, -55, -63]);
  });

  it("repeat buckets that are wider than a column", () => {
    const { high } = columns(l, all(4, 6), get, 0, 4, 6, 8);
    expect([...high]).toEqual([8, 8, 9, 9, 10, 10, 11, 11]);
  });

  it("lose no bucket at the edge of a column, and are empty outside the data", () => {
    const { high } = columns(l, all(30, 36), get, 0, 30, 36, 6);
    expect([...high]).toEqual([61, 63, Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
    const spike = source(l, 0, (bucket) => [0, bucket === 17 ? 1 : 0]);
    for (const width of [3, 7, 11, 50, 100]) {
      expect(Math.max(...columns(l, all(0, 32), spike, 0, 0, 32, width).high)).toBe(1);
    }
  });

  it("leave out what is not a number", () => {
    const holes = source(l, 0, (bucket) => (bucket < 8 ? [Number.NaN, Number.NaN] : [1, 2]));
    const { low } = columns(l, all(0, 8), holes, 0, 0, 8, 2);
    expect([...low]).toEqual([Number.NaN, 1]);
  });

  it("take coarser tiles where finer ones are missing", () => {
    const two = parseLayer(layer({ buckets: 64, hop_s: 0.5, tile_buckets: 16, channels: ["a"], levels: 2 })) as Layer;
    const coarse = source(two, 1, (bucket) => [0, bucket]);
    const segments = cover(two, 0, 0, 32, (of) => coarse(of) !== undefined);
    expect([...columns(two, segments, coarse, 0, 0, 32, 4).high]).toEqual([3, 7, 11, 15]);
  });

  it("know the channels apart", () => {
    const stereo = parseLayer(layer({ buckets: 8, hop_s: 1, channels: ["L", "R"], levels: 1 })) as Layer;
    const two = source(stereo, 0, (_, channel) => [channel, channel]);
    const segments = cover(stereo, 0, 0, 8, (of) => two(of) !== undefined);
    expect([...columns(stereo, segments, two, 1, 0, 8, 2).low]).toEqual([1, 1]);
    expect([...columns(stereo, segments, two, 2, 0, 8, 2).low]).toEqual([Number.NaN, Number.NaN]);
  });
});

describe("points", () => {
  it("are the centres of buckets, each once, a little beyond either edge", () => {
    const l = parseLayer(layer({ buckets: 64, hop_s: 0.5, tile_buckets: 4, channels: ["a"], levels: 1 })) as Layer;
    const get = source(l, 0, (bucket) => [bucket, bucket]);
    const segments = cover(l, 0, 1.2, 3.2, (of) => get(of) !== undefined);
    const { time_s, high } = points(l, segments, get, 0, 1.2, 3.2);
    expect([...high]).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([...time_s]).toEqual([0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75]);
  });
});

describe("the colour maps", () => {
  const luminances = (map: (typeof COLOUR_MAPS)[number]) =>
    coloursOf(map).map((rgb) => {
      const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    });

  it.each(["heat", "sea", "grey"] as const)("%s gets lighter with every step, from nearly black on", (map) => {
    const luminance = luminances(map);
    for (let k = 1; k < 256; k++) expect(luminance[k]).toBeGreaterThan(luminance[k - 1] - 1e-3);
    for (let k = 8; k < 256; k++) expect(luminance[k]).toBeGreaterThan(luminance[k - 8]);
    expect(luminance[0]).toBeLessThan(0.01);
    expect(luminance[255]).toBeGreaterThan(0.8);
  });

  it("paper is dark on light, and balance is lightest in the middle", () => {
    expect(luminances("paper")[0]).toBeGreaterThan(0.9);
    expect(luminances("paper")[255]).toBeLessThan(0.02);
    const balance = luminances("balance");
    for (let k = 8; k < 128; k++) expect(balance[k]).toBeGreaterThan(balance[k - 8]);
    for (let k = 136; k < 256; k++) expect(balance[k]).toBeLessThan(balance[k - 8]);
    expect(balance[0]).toBeCloseTo(balance[255], 1);
  });

  it("are the same as pixels and as CSS", () => {
    const bytes = new Uint8Array(PIXELS.buffer);
    const colours = coloursOf("heat");
    expect([...bytes.slice(4 * 99, 4 * 100)]).toEqual([...colours[99], 255]);
    expect(cssColour(PLAIN, 99)).toBe(`rgb(${colours[99].join(" ")})`);
  });

  it("spread over a part of the range, and bend by gamma", () => {
    const look = { map: "grey", low: 0.2, high: 0.6, gamma: 1 } as const;
    expect([0, 51, 102, 153, 255].map((byte) => colourOf(look, byte))).toEqual([0, 0, 128, 255, 255]);
    expect(colourOf({ ...look, low: 0, high: 1, gamma: 0.5 }, 64)).toBe(Math.round(255 * Math.sqrt(64 / 255)));
    expect(pixelsOf(look)[102]).toBe(pixelsOf({ ...look, low: 0, high: 1 })[128]);
    expect(colourOf({ ...look, high: 0.2 }, 200)).toBe(255);
  });
});

describe("colourTile", () => {
  it("shows the loudest row behind each line, highest row on top", () => {
    const l = parseLayer(imageLayer({ rows: 4 })) as Layer;
    const tile = { buckets: 2, rows: 4, data: new Uint8Array([10, 20, 30, 40, 1, 2, 250, 4]) } as ImageTile;
    const lines = new Uint32Array(8);
    colourTile(tile, rowRanges(l, verticalAxis(l, "linear"), 4), lines, PIXELS);
    expect([...lines]).toEqual([40, 4, 30, 250, 20, 2, 10, 1].map((value) => PIXELS[value]));
    const squeezed = new Uint32Array(2);
    colourTile(tile, rowRanges(l, verticalAxis(l, "linear"), 1), squeezed, PIXELS);
    expect([...squeezed]).toEqual([PIXELS[40], PIXELS[250]]);
  });
});

describe("readout", () => {
  const wave = parseLayer(layer({ buckets: 64, hop_s: 0.5, tile_buckets: 16, levels: 1 })) as Layer;

  it("tells the extremes of every channel with its name", () => {
    const get = source(wave, 0, (bucket, channel) => [channel ? 0.25 : -0.5, bucket === 3 ? 0.25 : 0.5]);
    expect(readout(wave, 0, 1.6, null, get)).toBe("L −0.5000 … 0.2500  ·  R 0.2500");
    expect(readout(wave, 0, 99, null, get)).toBe("");
    expect(readout(wave, 0, 1.6, null, () => undefined)).toBe("");
  });

  it("tells frequency and level of an image, and its peak without a pointer", () => {
    const l = parseLayer(imageLayer({ rows: 5, levels: 2 })) as Layer;
    const data = new Uint8Array(256 * 5);
    data.set([0, 51, 255, 102, 0], 5 * 10);
    const tile: ImageTile = { ...address(l, 1, 0), id: 0, start: 0, buckets: 256, rows: 5, dtype: "uint8", data };
    const get = (of: TileAddress) => (of.level === 1 && of.index === 0 ? tile : undefined);
    // Level 0 is not at hand: bucket 20 of it lies in bucket 10 of level 1.
    expect(readout(l, 0, 0.2, 5200, get)).toBe("5.000 kHz · bin 1 · −64.0 dB");
    expect(readout(l, 0, 0.2, null, get)).toBe("peak 10.00 kHz · bin 2 · 0.0 dB");
  });
});
