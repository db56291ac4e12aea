"""Random conf files, given to nginx and to Waybill."""
