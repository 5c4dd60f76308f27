// Swagger UI 5.35.0, as published to npm as swagger-ui-dist.
SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', persistAuthorization: true });
