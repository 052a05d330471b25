"use strict";

function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function table(title, rows, parent) {
  const made = element("table", undefined, parent);
  element("caption", title, made).className = "text dim";
  for (const cells of rows) {
    const row = element("tr", undefined, element("tbody", undefined, made));
    for (const cell of cells) element("td", cell, row).className = "text";
  }
}

async function show() {
  const document_ = await (await fetch("/openapi.json")).json();
  for (const [path, operations] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const details = element("details", undefined, document.getElementById("paths"));
      const summary = element("summary", undefined, details);
      element("code", `${method.toUpperCase()} ${path}`, summary);
      element("span", ` ${operation.summary}`, summary);
      const wide = element("div", undefined, details);
      wide.className = "wide";
      if (operation.parameters.length) {
        table("Parameters", operation.parameters.map(one => [one.name, one.in, JSON.stringify(one.schema)]), wide);
      }
      if (operation.requestBody) {
        table("Body", Object.entries(operation.requestBody.content).map(([kind, {schema}]) => [kind, JSON.stringify(schema)]), wide);
      }
      table("Answers", Object.entries(operation.responses).map(([status, one]) => [status, one.description]), wide);
    }
  }
}

show();
