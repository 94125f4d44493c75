# nearbits in a container, and the test origin that docker-compose.yml puts beside it.
#
#   docker build -t nearbits .
#   docker build -t nearbits-origin --target origin .
#
# Nothing here needs BuildKit. The older builder builds every stage above its target, so the stages stand in an order
# in which none is built in vain.

# The origin of the demo and the tests: plain Node, no packages. It describes its files by the product's own code.
FROM node:24-bookworm-slim AS origin
WORKDIR /app
COPY package.json ./
COPY src/core src/core
COPY src/content src/content
COPY test/support test/support
USER node
ENV ORIGIN_HOST=0.0.0.0 ORIGIN_PORT=8080
EXPOSE 8080
ENTRYPOINT ["node", "test/support/origin-main.ts"]

# What the node needs at run time. No package has to compile anything, so no install script is run.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force

# The compiled program. The `node` of the development dependencies is removed: this image brings its own.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund && npm cache clean --force && rm -f node_modules/.bin/node
COPY tsconfig.json tsconfig.build.json ./
COPY .ci/build.mjs .ci/
COPY src src
RUN npm run build

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin bin
COPY package.json ./
RUN ln -s /app/bin/nearbits.js /usr/local/bin/nearbits \
  && install -d -o node -g node -m 700 /var/lib/nearbits \
  && install -d /etc/nearbits
ENV NODE_ENV=production \
  NEARBITS_DATA_DIR=/var/lib/nearbits \
  NEARBITS_CONFIG=/etc/nearbits/nearbits.yaml
USER node
VOLUME /var/lib/nearbits
# Search, content, discovery.
EXPOSE 21780/tcp 21781/tcp 21782/udp
ENTRYPOINT ["nearbits"]
CMD ["up"]
