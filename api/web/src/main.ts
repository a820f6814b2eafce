import { mount } from "svelte";
import App from "./App.svelte";
import "./page.css";
import { app } from "./lib/app.svelte";
import { words } from "./lib/words.svelte";

document.documentElement.lang = words.language;
app.start();
const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
mount(App, { target });
