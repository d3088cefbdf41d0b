// Shows /openapi.json, and lets one try each operation against the edge that served this page.
"use strict";

const VERBS = ["get", "post", "put", "patch", "delete"];
let api;

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== ""));
  return node;
}

// Comments of the protos: paragraphs, `code`, and lists that begin with a dash.
function prose(text = "") {
  const blocks = text.split("\n\n").map((block) => {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("- "))) {
      return el("ul", {}, ...lines.map((line) => el("li", {}, ...inline(line.slice(2)))));
    }
    return el("p", {}, ...inline(block));
  });
  const fragment = document.createDocumentFragment();
  fragment.append(...blocks);
  return fragment;
}

function inline(text) {
  return text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

function resolve(schema = {}) {
  return schema.$ref ? { ...api.components.schemas[schema.$ref.split("/").pop()], ...schema } : schema;
}

function typeName(schema = {}) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.type === "array") return `${typeName(schema.items)}[]`;
  if (schema.additionalProperties?.type) return `map of ${typeName(schema.additionalProperties)}`;
  if (schema.contentSchema) return `events of ${typeName(schema.contentSchema)}`;
  return schema.format || [schema.type || "any JSON"].flat().join(" | ");
}

function limits(schema) {
  const words = { minLength: "≥ {} characters", maxLength: "≤ {} characters", minimum: "≥ {}", maximum: "≤ {}",
    minItems: "≥ {} items", maxItems: "≤ {} items", maxProperties: "≤ {} entries", pattern: "pattern {}" };
  const found = Object.entries(words).filter(([rule]) => rule in schema).map(([rule, form]) => form.replace("{}", schema[rule]));
  if (schema.enum) found.push(`one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`);
  return found.join(" · ");
}

function fields(schema, depth = 0) {
  const rows = [];
  const full = resolve(schema);
  for (const [name, field] of Object.entries(full.properties || {})) {
    const required = (full.required || []).includes(name);
    const inner = field.$ref ? field : field.items?.$ref ? field.items : field.additionalProperties?.$ref ? field.additionalProperties : null;
    rows.push(el("tr", {},
      el("td", {}, name, required ? el("span", { title: "required" }, " *") : ""),
      el("td", {}, el("p", { class: "quiet" }, typeName(field), " ", limits(field)), prose(field.description),
        inner && depth < 4 ? lazily(typeName(inner), () => fields(inner, depth + 1)) : "")));
  }
  return rows.length ? el("table", {}, el("tbody", {}, ...rows)) : el("p", { class: "quiet" }, typeName(schema));
}

// Built when it is opened: messages may hold themselves.
function lazily(title, build) {
  const node = el("details", {}, el("summary", {}, title));
  node.addEventListener("toggle", () => { if (node.children.length === 1) node.append(build()); }, { once: true });
  return node;
}

function sample(schema, depth = 0) {
  const full = resolve(schema);
  if (full.enum) return full.enum[0];
  if (full.examples) return full.examples[0];
  if (full.type === "array") return [];
  if (full.type === "object" || full.properties) {
    const names = Object.keys(full.properties || {}).filter((name) => depth === 0 || (full.required || []).includes(name));
    return Object.fromEntries(names.filter((name) => !/^Set by the server/.test(full.properties[name].description || "") )
      .map((name) => [name, sample(full.properties[name], depth + 1)]));
  }
  return { integer: 0, number: 0, boolean: false, string: "" }[full.type] ?? null;
}

function parameters(list) {
  if (!list?.length) return "";
  const rows = list.map((each) => el("tr", {},
    el("td", {}, each.name, each.required ? el("span", { title: "required" }, " *") : ""),
    el("td", {}, el("p", { class: "quiet" }, each.in, " · ", typeName(each.schema), " ", limits(each.schema)), prose(each.description))));
  return el("div", {}, el("h4", {}, "Parameters"), el("table", {}, el("tbody", {}, ...rows)));
}

function trial(path, verb, operation) {
  const inputs = new Map();
  const rows = (operation.parameters || []).map((each) => {
    const id = `${operation.operationId}-${each.name}`;
    const input = el("input", { id, autocomplete: "off", required: each.required || false });
    inputs.set(each, input);
    return el("div", { class: "row" }, el("label", { for: id }, each.name), input);
  });
  const content = operation.requestBody?.content["application/json"];
  const body = content && el("textarea", { spellcheck: "false", "aria-label": "Body" });
  if (body) body.value = JSON.stringify(sample(content.schema), null, 2);
  const output = el("div", { "aria-live": "polite" });
  let running;

  const request = () => {
    let url = path;
    const query = new URLSearchParams();
    const headers = {};
    for (const [each, input] of inputs) {
      if (each.in === "path") url = url.replace(`{${each.name}}`, input.value.split("/").map(encodeURIComponent).join("/"));
      else if (input.value && each.in === "query") query.append(each.name, input.value);
      else if (input.value) headers[each.name] = input.value;
    }
    if (body) headers["Content-Type"] = "application/json";
    const key = document.getElementById("key").value.trim();
    if (key) headers["X-API-Key"] = key;
    return { url: url + (query.size ? `?${query}` : ""), options: { method: verb.toUpperCase(), headers, body: body?.value } };
  };

  const send = async (event) => {
    event.preventDefault();
    running?.abort();
    running = new AbortController();
    const { url, options } = request();
    const shown = el("pre", { tabindex: "0" });
    const began = performance.now();
    output.replaceChildren(el("p", { class: "quiet" }, "…"), shown);
    try {
      const answer = await fetch(url, { ...options, signal: running.signal });
      const told = () => `${answer.status} · ${Math.round(performance.now() - began)} ms · request ${answer.headers.get("x-request-id")}`;
      output.firstChild.textContent = told();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        text += part.value;
        shown.textContent = text;
      }
      if ((answer.headers.get("content-type") || "").startsWith("application/json") && text) {
        shown.textContent = JSON.stringify(JSON.parse(text), null, 2);
      }
      output.firstChild.textContent = told();
    } catch (error) {
      output.firstChild.textContent = error.name === "AbortError" ? "Stopped." : `No answer: ${error.message}`;
    }
  };

  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const copy = () => {
    const { url, options } = request();
    const parts = ["curl -sS"];
    if (options.method !== "GET") parts.push(`-X ${options.method}`);
    for (const [name, value] of Object.entries(options.headers)) {
      // What is copied is kept and shown around; a key is not for that.
      parts.push(`-H ${name === "X-API-Key" ? '"X-API-Key: $QMCP_API_KEY"' : quoted(`${name}: ${value}`)}`);
    }
    if (options.body) parts.push(`-d ${quoted(options.body)}`);
    const line = [...parts, quoted(location.origin + url)].join(" ");
    output.replaceChildren(el("pre", { tabindex: "0" }, line));
    navigator.clipboard?.writeText(line).catch(() => {});
  };

  return el("details", {}, el("summary", {}, "Try it"),
    el("form", { onsubmit: send }, ...rows, body || "",
      el("div", { class: "actions" }, el("button", {}, "Send"),
        el("button", { type: "button", class: "plain", onclick: () => running?.abort() }, "Stop"),
        el("button", { type: "button", class: "plain", onclick: copy }, "As curl")), output));
}

function answers(operation) {
  const parts = Object.entries(operation.responses).map(([status, answer]) => {
    const [[type, content] = []] = Object.entries(answer.content || {});
    return el("tr", {}, el("td", {}, status), el("td", {}, prose(answer.description), type ? el("p", { class: "quiet" }, type) : "",
      content?.schema.$ref || content?.schema.contentSchema
        ? lazily(typeName(content.schema), () => fields(content.schema.contentSchema || content.schema)) : ""));
  });
  return el("div", {}, el("h4", {}, "Answers"), el("table", {}, el("tbody", {}, ...parts)));
}

function article(path, verb, operation) {
  const schema = operation.requestBody?.content["application/json"].schema;
  return el("article", { id: operation.operationId },
    el("h3", {}, el("span", { class: `verb ${verb}` }, verb), el("span", { class: "path" }, path), el("span", { class: "quiet" }, operation.operationId)),
    prose(operation.description || operation.summary), trial(path, verb, operation), parameters(operation.parameters),
    schema ? el("div", {}, el("h4", {}, "Body"), fields(schema)) : "", answers(operation));
}

function filter(word) {
  for (const node of document.querySelectorAll("article")) {
    const shown = node.textContent.toLowerCase().includes(word.toLowerCase());
    node.hidden = !shown;
    document.querySelector(`nav a[href="#${node.id}"]`).hidden = !shown;
  }
}

async function start() {
  api = await (await fetch("/openapi.json")).json();
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("introduction").append(prose(api.info.description));
  const nav = document.getElementById("contents");
  const main = document.getElementById("main");
  for (const tag of api.tags) {
    nav.append(el("h2", {}, tag.name));
    main.append(el("h2", {}, tag.name), prose(tag.description));
    for (const [path, item] of Object.entries(api.paths)) {
      for (const verb of VERBS.filter((each) => item[each]?.tags.includes(tag.name))) {
        const operation = item[verb];
        nav.append(el("a", { href: `#${operation.operationId}`, title: operation.summary },
          el("span", { class: `verb ${verb}` }, verb), operation.operationId));
        main.append(article(path, verb, operation));
      }
    }
  }
  document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
  if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
}

start().catch((error) => document.getElementById("main").append(el("p", {}, `The document could not be read: ${error.message}`)));
