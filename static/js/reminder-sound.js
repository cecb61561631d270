// Sound and vibration of a reminder, where the user allowed them on this device.
import { choice } from "./device.js";

let audio = null;
/** Call from a touch: a browser lets a page sound only after one. */
export function allowSound() {
  try {
    audio = audio || new (window.AudioContext || window.webkitAudioContext)();
    audio.resume();
  } catch {
    audio = null;
  }
}

export function chime() {
  if (!audio || audio.state !== "running") return;
  for (const [start, pitch] of [
    [0, 659.3],
    [0.18, 880],
  ]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, audio.currentTime + start);
    volume.gain.exponentialRampToValueAtTime(0.18, audio.currentTime + start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + start + 0.5);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + start);
    tone.stop(audio.currentTime + start + 0.55);
  }
}

export function playReminder() {
  if (choice("sound") === true) chime();
  if (choice("vibration") === true && navigator.vibrate && navigator.userActivation?.hasBeenActive)
    navigator.vibrate([120, 80, 120]);
}

document.addEventListener("pointerdown", () => {
  if (choice("sound") === true) allowSound();
});
