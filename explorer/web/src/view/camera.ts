/** The camera, where a page is served; a page from a file may not ask for it. */

import { fromCanvas, type Picture } from "../prepare";
import { button, h } from "./dom";

const FRAMES_A_SECOND = 10;

export class Camera {
  readonly element: HTMLElement;
  private readonly video = h("video", { autoplay: true, playsinline: true, muted: true, "aria-label": "Camera" });
  private readonly pause = button("Hold this picture", () => this.hold());
  private stream: MediaStream | null = null;
  private timer = 0;

  constructor(private readonly onpicture: (picture: Picture) => void, private readonly onproblem: (sentence: string) => void) {
    this.element = h("div", { class: "camera" }, this.video, h("div", { class: "tools" }, this.pause));
  }

  static isPossible(): boolean {
    return location.protocol !== "file:" && Boolean(navigator.mediaDevices);
  }

  async start(): Promise<void> {
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      this.onproblem("The camera cannot be used: there is none, or the browser was not allowed to open it.");
      return;
    }
    this.video.srcObject = this.stream;
    this.pause.textContent = "Hold this picture";
    this.timer = window.setInterval(() => this.look(), 1000 / FRAMES_A_SECOND);
  }

  stop(): void {
    window.clearInterval(this.timer);
    this.timer = 0;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
  }

  private hold(): void {
    if (this.timer) {
      window.clearInterval(this.timer);
      this.timer = 0;
      this.video.pause();
      this.pause.textContent = "Go on";
    } else {
      void this.video.play();
      this.pause.textContent = "Hold this picture";
      this.timer = window.setInterval(() => this.look(), 1000 / FRAMES_A_SECOND);
    }
  }

  private look(): void {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) return;
    const factor = Math.min(1, 480 / Math.min(videoWidth, videoHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(videoWidth * factor);
    canvas.height = Math.round(videoHeight * factor);
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(this.video, 0, 0, canvas.width, canvas.height);
    this.onpicture(fromCanvas(context.getImageData(0, 0, canvas.width, canvas.height)));
  }
}
