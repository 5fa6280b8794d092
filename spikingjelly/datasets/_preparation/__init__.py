"""From archives to files of events and frames: fetch, unpack, convert. Every step is whole or absent."""
