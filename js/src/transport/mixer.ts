// Web Audio behind the audio element: gain above one, and a meter of what is really heard.

const SAMPLES = 1024;
const PATIENCE_MS = 400;
export const FLOOR_DB = -60;

export interface Level {
  rms_db: number;
  peak_db: number;
}

const decibels = (amplitude: number) => Math.max(FLOOR_DB, 20 * Math.log10(Math.max(amplitude, 1e-9)));

export function levelOf(samples: Float32Array): Level {
  let peak = 0;
  let sum = 0;
  for (const sample of samples) {
    peak = Math.max(peak, Math.abs(sample));
    sum += sample * sample;
  }
  return { rms_db: decibels(Math.sqrt(sum / Math.max(1, samples.length))), peak_db: decibels(peak) };
}

export class Mixer {
  #context: AudioContext | null = null;
  #gain: GainNode | null = null;
  #meters: AnalyserNode[] = [];
  #level = 1;
  readonly #samples = new Float32Array(SAMPLES);

  constructor(readonly audio: HTMLAudioElement) {}

  /** Gets ready to be heard; to be called within a click. False if the browser does not let it yet. */
  async start(): Promise<boolean> {
    if (!this.#context && typeof AudioContext === "function") {
      const context = new AudioContext({ latencyHint: "interactive" });
      // An element that is connected to a context is heard through that context only, so it must run first.
      if (!(await running(context))) {
        void context.close();
        return false;
      }
      this.#connect(context);
    }
    return this.#context ? running(this.#context) : true;
  }

  #connect(context: AudioContext): void {
    this.#context = context;
    this.#gain = context.createGain();
    this.#gain.channelCount = 2;
    this.#gain.channelCountMode = "explicit";
    const splitter = context.createChannelSplitter(2);
    this.#meters = [0, 1].map((channel) => {
      const meter = context.createAnalyser();
      meter.fftSize = SAMPLES;
      splitter.connect(meter, channel);
      return meter;
    });
    context.createMediaElementSource(this.audio).connect(this.#gain);
    this.#gain.connect(splitter);
    this.#gain.connect(context.destination);
    this.setLevel(this.#level);
  }

  setLevel(level: number): void {
    this.#level = level;
    if (this.#gain) {
      this.audio.volume = 1;
      this.#gain.gain.value = level;
    } else this.audio.volume = Math.min(1, level);
  }

  /** What is heard now, left and right; null where there is no Web Audio. */
  levels(): Level[] | null {
    if (!this.#context) return null;
    return this.#meters.map((meter) => {
      meter.getFloatTimeDomainData(this.#samples);
      return levelOf(this.#samples);
    });
  }

  close(): void {
    void this.#context?.close();
    this.#context = null;
    this.#gain = null;
    this.#meters = [];
  }
}

/** Whether a context runs; without a click it stays suspended, and its promise stays open. */
async function running(context: AudioContext): Promise<boolean> {
  if (context.state === "running") return true;
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  await Promise.race([context.resume().catch(() => undefined), patience]);
  return (context.state as string) === "running";
}
