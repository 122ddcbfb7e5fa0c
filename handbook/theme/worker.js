// Browsers start no worker from a page that was opened as a file. The search is one: here it runs in a hidden frame.
// What is sent is copied and arrives later, as between a page and a worker.
if (location.protocol === "file:") {
  const send = (data, hear) => {
    const copy = structuredClone(data);
    setTimeout(() => hear(new MessageEvent("message", { data: copy })));
  };
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.waiting = [];
      this.onmessage = this.onerror = null;
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      const page = inside.document;
      page.open();
      inside.answer = (data) => send(data, (event) => this.hear(event));
      page.write("<script>postMessage = answer</" + "script>");
      page.write('<script src="' + address + '"></' + "script>");
      page.close();
      inside.addEventListener("load", () => {
        const told = this.waiting;
        this.waiting = null;
        told.forEach((data) => this.postMessage(data));
      });
    }
    hear(event) {
      this.dispatchEvent(event);
      if (this.onmessage) this.onmessage(event);
    }
    postMessage(data) {
      if (this.waiting) this.waiting.push(structuredClone(data));
      else send(data, (event) => this.frame.contentWindow?.dispatchEvent(event));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
