// Shows /openapi.json. Calls go to the host that the page came from: the server gives no other page leave to call it.
fetch("/openapi.json")
  .then((answer) => answer.json())
  .then((spec) => {
    spec.servers = [{ url: window.location.origin }];
    SwaggerUIBundle({
      spec,
      dom_id: "#page",
      deepLinking: true,
      docExpansion: "none",
      filter: true,
      validatorUrl: null,
    });
  })
  .catch((error) => {
    document.getElementById("page").textContent = `The API's description cannot be read: ${error}`;
  });
