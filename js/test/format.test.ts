import { describe, expect, it } from "vitest";
import { formatEta, formatHz, formatNumber, formatPercent, formatRange, formatTime, formatValue } from "../src/format";
import { progressDetail, progressLabel } from "../src/progress";

describe("formatTime", () => {
  it.each([
    [0, 3, "0:00.000"],
    [59.9996, 3, "1:00.000"],
    [61.5, 3, "1:01.500"],
    [61.5, 0, "1:02"],
    [3599.9999, 3, "1:00:00.000"],
    [3725.25, 1, "1:02:05.3"],
    [-0.25, 2, "−0:00.25"],
    [-0.0001, 3, "0:00.000"],
    [Number.NaN, 3, "–"],
  ])("%f s with %i decimals is %s", (seconds, decimals, expected) => {
    expect(formatTime(seconds, decimals)).toBe(expected);
  });
});

describe("values", () => {
  it.each([
    [-12.34, "dB", "−12.3 dB"],
    [-0.01, "dB", "0.0 dB"],
    [-23, "LUFS", "−23.0 LUFS"],
    [440, "Hz", "440 Hz"],
    [4186.01, "Hz", "4.186 kHz"],
    [0, "", "0"],
    [0.25, "", "0.2500"],
    [-1.5, "", "−1.500"],
    [123.456, "s", "123.5 s"],
    [0.00001, "", "1.00e−5"],
    [null, "dB", "–"],
    [Number.NaN, "", "–"],
  ])("%s %s is %s", (value, unit, expected) => {
    expect(formatValue(value, unit)).toBe(expected);
  });

  it("names the unit of a range once", () => {
    expect(formatRange(-80, 0, "dB")).toBe("−80.0 … 0.0 dB");
    expect(formatRange(0, 22050, "Hz")).toBe("0.0 Hz … 22.05 kHz");
    expect(formatRange(1, 1, "")).toBe("1.000");
  });

  it("has a number for anything", () => {
    expect(formatNumber(-0.04, 1)).toBe("0.0");
    expect(formatHz(Number.POSITIVE_INFINITY)).toBe("–");
    expect(formatPercent(1.7)).toBe("100\u202f%");
  });

  it("rounds time left to what an estimate is worth", () => {
    expect([0.2, 12.4, 119, 7200, -1, null].map(formatEta)).toEqual([
      "about 1 s left",
      "about 12 s left",
      "about 2 min left",
      "about 2.0 h left",
      "",
      "",
    ]);
  });
});

describe("progress", () => {
  it.each([
    [null, "", "Preparing analysis…"],
    [0.2, "", "Processing audio features…"],
    [0, "start", "Preparing analysis…"],
    [0, "preparing", "Preparing analysis…"],
    [1, "complete", "Finalising analysis…"],
    [0.5, "Spectrogram", "Spectrogram"],
    [0.5, "constructor", "constructor"],
  ])("%s, %j reads %s", (value, label, expected) => {
    expect(progressLabel(value, label)).toBe(expected);
  });

  it("tells what is known", () => {
    expect(progressDetail({ value: null, label: "", eta_s: null })).toBe("");
    expect(progressDetail({ value: 0.424, label: "", eta_s: 12 })).toBe("42\u202f% · about 12 s left");
  });
});
