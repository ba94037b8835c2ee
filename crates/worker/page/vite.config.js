// Three files with fixed names, so that what is checked in changes only where the page does.
export default {
  base: "/",
  build: {
    outDir: "dist",
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      output: { entryFileNames: "assets/page.js", assetFileNames: "assets/page.[ext]" },
    },
  },
};
