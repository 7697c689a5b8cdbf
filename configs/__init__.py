"""What the phones and the PBX are given: templates, firmware manifests, Asterisk configuration."""
