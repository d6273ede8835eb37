"""The root process: few requests, little standard library, to be read in one sitting (R14)."""
