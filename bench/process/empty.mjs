// A Node process that does nothing but report: what others are compared with.
process.send?.({ peak: process.resourceUsage().maxRSS * 1024 });
